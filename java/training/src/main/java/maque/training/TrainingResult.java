package maque.training;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What a run made.
 *
 * @param model the model directory
 * @param steps updates made
 * @param bestStep updates behind the weights that were kept
 * @param devLoss of the kept weights; NaN without a development set
 * @param devAccuracy of the kept weights; NaN without a development set
 * @param softShare part of the gradient, 0..1, that the loss with soft targets made: its norm over
 *     the logits as a part of the sum of both losses' norms; NaN where there is no such loss
 * @param parameters of the model
 * @param trainedParameters of them, those that were trained
 * @param seconds that training took, in this process
 * @param notes what a reader of the result should know
 * @param options by name
 */
public record TrainingResult(
    Path model,
    long steps,
    long bestStep,
    double devLoss,
    double devAccuracy,
    double softShare,
    long parameters,
    long trainedParameters,
    double seconds,
    List<String> notes,
    Map<String, Object> options) {}
