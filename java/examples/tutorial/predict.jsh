import java.nio.file.Path;
import maque.runtime.*;
try (var student = Student.load(Path.of(System.getProperty("model")))) {
  var answer = student.predict("the old moss");
  System.out.println(answer.label() + " " + answer.confidence());
}
/exit
