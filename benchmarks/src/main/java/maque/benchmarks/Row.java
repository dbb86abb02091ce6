package maque.benchmarks;

import java.util.List;
import java.util.function.Supplier;

/**
 * One line of the result: a way in which Maque does a task's work, and the peers that it has to
 * beat there.
 *
 * @param flavour precision, and how the weights are kept
 * @param contender Maque's
 * @param peers of whom the fastest counts
 * @param peak the kind of multiply-add that the flavour uses
 * @param cost of one piece of the work in this flavour; null where no limit is stated
 */
record Row(
    String flavour, String contender, List<String> peers, Limits.Peak peak, Supplier<Cost> cost) {}
