package io.lanewise.autograd;

import io.lanewise.kernels.TrainAttention;
import io.lanewise.parallel.StageBody;
import io.lanewise.tensor.Shape;
import java.lang.foreign.MemorySegment;

/** {@link Rule#ATTENTION}. Keeps the logarithm of each query's sum of e^score. */
final class AttentionOp extends Operation {
    private final int nHeads;
    private final int nKvHeads;
    private final int headDim;
    private final boolean causal;
    private final int batch;
    private final TrainAttention kernel;
    private final TrainAttention.Worker[] workers;
    private final MemorySegment logSums;
    private final StageBody forwardStage = this::forwardTasks;
    private final StageBody backwardStage = this::backwardTasks;
    private MemorySegment scratch;
    private boolean adds;

    AttentionOp(Tape tape, Variable qkv, int nHeads, int nKvHeads, int headDim, boolean causal) {
        super(tape, Rule.ATTENTION, qkv);
        require(qkv.shape().rank() == 3 && qkv.shape().dim(2) == (nHeads + 2L * nKvHeads) * headDim, rule,
                "qkv [batch, seqLen, (" + nHeads + " + 2*" + nKvHeads + ")*" + headDim + "]", qkv);
        this.nHeads = nHeads;
        this.nKvHeads = nKvHeads;
        this.headDim = headDim;
        this.causal = causal;
        this.batch = qkv.shape().size(0);
        int seqLen = qkv.shape().size(1);
        kernel = new TrainAttention(seqLen, nHeads, nKvHeads, headDim, causal);
        workers = new TrainAttention.Worker[tape.team().threads()];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = kernel.newWorker();
        }
        makeOutput(Shape.of(batch, seqLen, (long) nHeads * headDim));
        logSums = tape.memory((long) batch * nHeads * seqLen);
    }

    boolean matches(int heads, int kvHeads, int dim, boolean mask) {
        return nHeads == heads && nKvHeads == kvHeads && headDim == dim && causal == mask;
    }

    @Override
    void forward() {
        scratch = tape.scratch().floats(kernel.scratchFloats() * tape.team().threads());
        tape.team().run(kernel.tasks(batch), 1, forwardStage);
    }

    private void forwardTasks(int from, int to, int worker) {
        for (int task = from; task < to; task++) {
            workers[worker].forward(task, x(0), y(), logSums, part(worker));
        }
    }

    @Override
    void backward() {
        adds = adds(0);
        scratch = tape.scratch().floats(kernel.scratchFloats() * tape.team().threads());
        tape.team().run(kernel.tasks(batch), 1, backwardStage);
    }

    private void backwardTasks(int from, int to, int worker) {
        for (int task = from; task < to; task++) {
            workers[worker].backward(task, x(0), y(), logSums, dY(), dX(0), adds, part(worker));
        }
    }

    private MemorySegment part(int worker) {
        long bytes = 4 * kernel.scratchFloats();
        return scratch.asSlice(worker * bytes, bytes);
    }
}
