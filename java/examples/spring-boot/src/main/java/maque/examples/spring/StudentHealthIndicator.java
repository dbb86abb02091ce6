package maque.examples.spring;

import maque.runtime.Maque;
import maque.runtime.Student;
import org.springframework.boot.actuate.health.AbstractHealthIndicator;
import org.springframework.boot.actuate.health.Health;
import org.springframework.stereotype.Component;

/** Asks the student; {@code /actuator/health} shows it as {@code student}. */
@Component
class StudentHealthIndicator extends AbstractHealthIndicator {
  private final Student student;

  StudentHealthIndicator(Student student) {
    super("the student does not answer");
    this.student = student;
  }

  @Override
  protected void doHealthCheck(Health.Builder builder) {
    student.predict("");
    builder
        .up()
        .withDetail("labels", student.labels())
        .withDetail("nativeBytes", student.nativeBytes())
        .withDetail("instructions", Maque.info().isa());
  }
}
