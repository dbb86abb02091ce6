/** Measurements: students, teachers and kernels against their peers. */
package maque.benchmarks;
