package maque.examples.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import maque.runtime.Ngrams;
import maque.runtime.Student;
import maque.training.DataSet;
import maque.training.Example;
import maque.training.RunControl;
import maque.training.StudentOptions;
import maque.training.StudentTraining;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;

@Timeout(120)
class ClassifierServiceTest {
  @TempDir private static Path folder;
  private static ConfigurableApplicationContext context;

  @BeforeAll
  static void start() {
    Path model = folder.resolve("student");
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      examples.add(new Example("a large wild cat " + i, 0));
      examples.add(new Example("an evergreen tree " + i, 1));
    }
    StudentTraining.run(
        StudentTraining.Inputs.labelled(
            DataSet.of("train", examples, List.of("animal", "plant")), null, model),
        StudentOptions.bag()
            .ngrams(new Ngrams(Ngrams.Unit.CHARACTERS, 1, 3, 1 << 10, 8))
            .batchSize(16)
            .epochs(8)
            .lr(1e-2)
            .seed(1),
        RunControl.quiet());
    context = run("--maque.model=" + model, "error");
  }

  private static ConfigurableApplicationContext run(String model, String level) {
    return SpringApplication.run(
        ClassifierService.class, "--server.port=0", "--logging.level.root=" + level, model);
  }

  @AfterAll
  static void stop() {
    Student student = context.getBean(Student.class);
    context.close();
    assertThrows(IllegalStateException.class, () -> student.predict("x"), "Spring closes it");
  }

  private static HttpRequest.Builder to(String path) {
    String port = context.getEnvironment().getProperty("local.server.port");
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
  }

  private static HttpResponse<String> post(String body) throws IOException, InterruptedException {
    HttpRequest request =
        to("/predict")
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build();
    return HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
  }

  @Test
  void answersATextThatIsPosted() throws Exception {
    HttpResponse<String> response = post("{\"text\": \"an evergreen tree\"}");
    assertEquals(200, response.statusCode(), response.body());
    assertTrue(
        response
            .body()
            .matches("\\{\"label\":\"plant\",\"probability\":0\\.\\d+,\"deferred\":(true|false)}"),
        response.body());
  }

  @Test
  void aQuestionWithoutATextIsABadRequest() throws Exception {
    assertEquals(400, post("{}").statusCode());
    assertEquals(400, post("{").statusCode());
  }

  @Test
  void healthShowsTheStudent() throws Exception {
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(to("/actuator/health").GET().build(), BodyHandlers.ofString());
    assertEquals(200, response.statusCode(), response.body());
    assertTrue(
        response
            .body()
            .contains("\"student\":{\"status\":\"UP\",\"details\":{\"labels\":[\"animal\""),
        response.body());
  }

  @Test
  void aMissingModelStopsTheStart() {
    String none = "--maque.model=" + folder.resolve("none");
    Throwable e = assertThrows(Exception.class, () -> run(none, "off"));
    while (e.getCause() != null) {
      e = e.getCause();
    }
    assertEquals(folder.resolve("none") + ": expected a model, found none", e.getMessage());
  }
}
