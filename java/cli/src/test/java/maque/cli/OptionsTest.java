package maque.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import maque.training.DataSet;
import maque.training.Example;
import maque.training.Ramp;
import maque.training.StudentOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** Options have an effect or are refused; what is not given keeps the preset's value. */
class OptionsTest {
  private static StudentOptions student(String... args) {
    return CommandLine.populateCommand(new StudentFlags(), args).options(true, false);
  }

  private static TrainingFlags training(String... args) {
    return CommandLine.populateCommand(new TrainingFlags(), args);
  }

  private static void assertWeights(double ce, double soft, StudentOptions options) {
    assertEquals(Ramp.constant(ce), options.ceWeight());
    assertEquals(Ramp.constant(soft), options.softWeight());
  }

  @Test
  void weightsOfTheObjective() {
    assertWeights(1, 2, student("--preset", "seed"));
    assertWeights(1, 2, student("--preset", "seed", "--ce-weight", "1"));
    assertWeights(3, 2, student("--preset", "seed", "--ce-weight", "3"));
    assertWeights(1, 5, student("--preset", "seed", "--soft-weight", "5"));
    assertWeights(0, 1, student());
    assertWeights(0.5, 1, student("--ce-weight", "0.5"));
    assertWeights(0, 3, student("--soft-weight", "3"));
    assertWeights(0.25, 0.75, student("--alpha", "0.25"));
  }

  @Test
  void schedulesOfTheObjective() {
    StudentOptions options =
        student("--soft-loss", "kl", "--alpha", "0.5:0", "--temperature", "4:1:cosine");
    assertEquals(new Ramp(Ramp.Shape.LINEAR, 0.5, 0), options.ceWeight());
    assertEquals(new Ramp(Ramp.Shape.LINEAR, 0.5, 1), options.softWeight());
    assertEquals(new Ramp(Ramp.Shape.COSINE, 4, 1), options.temperature());
    assertEquals("0.5:0.0:linear", options.toMap().get("ce_weight"));
    assertEquals("4.0:1.0:cosine", options.toMap().get("temperature"));
    options = student("--ce-weight", "1:0:linear", "--soft-weight", "2");
    assertEquals(new Ramp(Ramp.Shape.LINEAR, 1, 0), options.ceWeight());
    assertEquals(2.0, options.toMap().get("soft_weight"));
  }

  @Test
  void ratesByPrefix() {
    TrainingFlags flags = training("--lr-scale", "lstm.=0.5", "--lr-scale", "embeddings.=0");
    assertEquals(
        Map.of("lstm.", 0.5, "embeddings.", 0.0),
        flags.apply(StudentOptions.sequence(), 1, false).lrScales());
  }

  @Test
  void weightsOfClasses() {
    DataSet data =
        DataSet.of(
            "three",
            List.of(new Example("a", 0), new Example("b", 0), new Example("c", 1)),
            List.of("x", "y"));
    StudentOptions options = StudentOptions.sequence();
    training("--class-weights", "1,2.5").applyClassWeights(options, data);
    assertArrayEquals(new float[] {1, 2.5f}, options.classWeights());
    training("--class-weights", "balanced").applyClassWeights(options, data);
    assertArrayEquals(data.balancedWeights(), options.classWeights());
    assertEquals(0.75f, options.classWeights()[0]);
    TrainingFlags three = training("--class-weights", "1,2,3");
    String message =
        assertThrows(Usage.WrongUsageException.class, () -> three.applyClassWeights(options, data))
            .getMessage();
    assertEquals("--class-weights has 3 numbers for 2 classes", message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--segmenter spaces | --segmenter needs --tokens words",
        "--tokens characters --segmenter spaces | --segmenter needs --tokens words",
        "--soft-targets s --teacher t --temperature 2 | --temperature needs --soft-loss kl",
        "--temperature 2 | --temperature needs --soft-targets",
        "--ce-weight 1 | --ce-weight needs --soft-targets",
        "--alpha 0.5 | --alpha needs --soft-targets",
        "--soft-targets s --teacher t --alpha 0.5 --ce-weight 1 | give either --alpha",
        "--soft-targets s --teacher t --alpha 0.5:2 | alpha must be in 0.0..1.0, not 2.0",
        "--soft-targets s --teacher t --alpha 0.5:0:step | not '0.5:0:step'",
        "--soft-targets s --teacher t --alpha half | --alpha must be a number, FROM:TO",
        "--soft-targets s --teacher t --ce-weight 0 --soft-weight 0:0 | both 0",
        "--soft-targets s --teacher t --soft-loss kl --temperature 4:0 | temperature must be in",
        "--soft-targets s | --soft-targets needs --teacher",
        "--soft-key 1a | --soft-key needs --soft-targets",
        "--teacher t --teacher u | several teachers need --soft-targets",
        "--unlabelled u | --unlabelled needs --soft-targets or --logits",
        "--train-vectors | --train-vectors is for --kind document",
        "--vectors v --embeddings teacher | --embeddings vectors and --vectors FILE go together",
        "--embeddings vectors | --embeddings vectors and --vectors FILE go together",
        "--kind document --vectors v --embedding-sd 1 | --embeddings random",
        "--kind document --pooling mean | no pooling",
        "--kind cat | --kind must be one of document, sequence",
        "--min-count 2 | --min-count needs --tokens words or characters",
        "--momentum 0.9 | --momentum needs --optimizer sgd",
        "--dev d --dev-fraction 0.2 | give either --dev or --dev-fraction",
        "--average-every 5 | --average-every needs --average",
        "--average none --average-every 5 | --average-every needs --average",
        "--average swa:0.5 | average must be none, ema:FACTOR or tail:PART, not 'swa:0.5'",
        "--average ema | not 'ema'",
        "--average ema:1 | below 1",
        "--average tail:0 | above 0",
        "--average tail:0.5 --average-every 0 | average_every must be in",
        "--token-dropout 1 | token_dropout must be in 0.0..0.95, not 1.0",
        "--lr-scale lstm. | lstm.",
        "--lr-scale lstm.=fast | fast",
        "--lr-scale lstm.=-1 | lr_scale.lstm. must be in 0.0..10000.0",
        "--class-weights 1,two | not '1,two'",
        "--class-weights 1,-2 | not '1,-2'",
        "--class-weights 0,0 | all 0",
        "--class-weights NaN,1 | not 'NaN,1'",
        "--lr 0 | lr must be in",
        "--threads 0 | --threads must be 1..1024, not 0",
      })
  void aStudentsOptionsThatMakeNoSense(String options, String expected) {
    assertWrongUsage("train-student --train nowhere.json --out nowhere " + options, expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "train-teacher --encoder e --train t --out nowhere --lr-scale head.=2 | head_lr_factor",
        "train-teacher --encoder e --train t --out nowhere --class-weights x | not 'x'",
        "train-teacher --encoder e --train t --out nowhere --dropout 1 | three numbers",
        "predict --student s --top 0 x | --top must be 1 or more, not 0",
        "predict --student s --top -1 x | --top must be 1 or more, not -1",
        "predict --student s --top 2 --json x | leave --top out",
        "predict --student s --file f x | either as arguments or by --file",
        "predict --student s --seed 1 x | --seed",
        "soft-targets --teacher t --out s --seed 1 x | --seed",
        "augment --texts t --out o --p-mask 0.6 --p-pos 0.6 | p_mask + p_pos must be at most 1",
        "augment --texts t --out o --p-mask 0 --p-pos 0 --p-ngram 0 | nothing to change",
        "augment --texts t --out o --rounds 0 | rounds must be in 1..10000, not 0",
        "augment --texts t --out o --level letters | --level must be one of words, characters",
        "augment --texts t --out o --level characters --p-pos 0 --tagger hanlp | --tagger does",
        "soft-targets --out s x | --teacher or --logits says whose logits",
        "soft-targets --logits l --out s x | files of texts need --teacher",
        "soft-targets --teacher t --out s | --teacher needs files of texts",
        "info --threads 2 | --threads",
      })
  void optionsThatMakeNoSense(String command, String expected) {
    assertWrongUsage(command, expected);
  }

  private static void assertWrongUsage(String command, String expected) {
    Tiny.Outcome outcome = Tiny.maque((Object[]) command.split(" "));
    assertEquals(2, outcome.code(), outcome.err());
    String line = outcome.errorLine();
    assertTrue(line.contains(expected), line);
    assertTrue(line.endsWith("--help)"), line);
  }
}
