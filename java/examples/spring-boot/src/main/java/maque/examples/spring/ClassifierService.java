package maque.examples.spring;

import java.nio.file.Path;
import maque.runtime.Student;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** A web service that classifies texts: {@code --maque.model=student.maque}. */
@SpringBootApplication(proxyBeanMethods = false)
public class ClassifierService {
  public static void main(String[] args) {
    SpringApplication.run(ClassifierService.class, args);
  }

  /** One for all request threads; Spring closes it after the last request. */
  @Bean
  Student student(@Value("${maque.model}") Path model) {
    return Student.load(model);
  }
}
