package maque.examples.spring;

import maque.runtime.Decision;
import maque.runtime.Student;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** {@code POST /predict}. */
@RestController
class PredictController {
  private final Student student;
  private final double threshold;

  PredictController(Student student, @Value("${maque.threshold}") double threshold) {
    this.student = student;
    this.threshold = threshold;
  }

  /** What is asked. */
  record Question(String text) {}

  /**
   * What is answered.
   *
   * @param deferred whether somebody who knows more should look at the text
   */
  record Answer(String label, float probability, boolean deferred) {}

  @PostMapping("/predict")
  Answer predict(@RequestBody Question question) {
    if (question.text() == null) {
      throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "text is missing");
    }
    Decision decision = student.predictOrDefer(question.text(), threshold);
    return new Answer(
        decision.prediction().label(), decision.prediction().confidence(), decision.deferred());
  }
}
