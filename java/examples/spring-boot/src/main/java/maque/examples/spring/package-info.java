/** An example: a student as a bean of a Spring Boot service. */
package maque.examples.spring;
