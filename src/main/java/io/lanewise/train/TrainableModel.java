package io.lanewise.train;

import io.lanewise.nn.NetworkConfig;
import io.lanewise.tensor.Tensor;
import java.util.Map;

/** What the training loop needs of a language model that learns. For one thread at a time. */
interface TrainableModel extends AutoCloseable {
    NetworkConfig config();

    /** All weights by canonical name, dense F32, the tensors themselves; frozen ones included. */
    Map<String, Tensor> weights();

    /** The weights that learn, a part of {@link #weights} or adapters beside them. */
    Map<String, Tensor> learning();

    /** What the optimiser remembers, by name, dense F32, the tensors themselves. */
    Map<String, Tensor> optimizerState();

    /**
     * Forward and backward over a batch; gradients are added to those that are there.
     *
     * @param lossScale what each position's loss is multiplied by: 1 / positions of the whole update
     * @param dropoutSeed decides what is dropped
     * @return the sum of the losses of all positions that have a target, in nats
     */
    double forwardBackward(TokenBatch batch, double lossScale, long dropoutSeed);

    /** The sum of the losses of all positions that have a target, in nats; no gradient, no dropout. */
    double loss(TokenBatch batch);

    /**
     * Updates the weights from the gradients and clears those.
     *
     * @return the global norm of the gradient before clipping; where it is not finite the weights stay as they are
     */
    double update(double learningRate);

    /** Goes on as after this many updates, once what the optimiser remembers has been filled in. */
    void resumeAt(long steps);

    /** Writes the logits [vocabSize] behind the last of {@code ids}, at most context of them. */
    void logits(int[] ids, float[] logits);

    @Override
    void close();
}
