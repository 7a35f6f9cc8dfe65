package io.lanewise.autograd;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeTable;
import io.lanewise.kernels.TrainMatmul;
import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Computes and remembers, then differentiates. Each method runs one operation of the {@link Rule} table at once and
 * records it; {@link #backward} runs the rules in reverse:
 *
 * <pre>{@code
 *   tape.begin();
 *   Variable loss = tape.crossEntropy(tape.linear(x, weight, bias), targets, -1);
 *   tape.backward(loss);
 * }</pre>
 *
 * <p>A step that records the same operations on tensors of the same shapes as the step before runs them in the same
 * memory and makes no objects; where it departs, the rest is recorded afresh. Results belong to the tape and are
 * overwritten by the next step. Sums are taken in an order that depends on shapes alone: the same inputs give the same
 * bits with any number of threads. Not for several threads at once.
 */
public final class Tape implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Slab slab = new Slab();
    private final Team team;
    private final TrainMatmul matmul;
    private final Scratch scratch = new Scratch();
    private final List<Operation> operations = new ArrayList<>();
    private final GradientPlan plan = new GradientPlan();
    /** Operations of this step so far. */
    private int position;
    private boolean recording;
    private Variable plannedFrom;
    private int plannedCount;
    private long seed;
    /** Results that backward makes again: stretches of operations take turns in the same memory. */
    private final Slab shared = new Slab();
    private final Stretches stretches = new Stretches();
    private boolean recomputes;

    /** A tape whose stages run on {@code pool}. */
    public Tape(ComputePool pool) {
        team = pool.newTeam();
        team.enter();
        matmul = new TrainMatmul(arena, team);
    }

    /** Begins a step: results of the one before are gone. Returns this. */
    public Tape begin() {
        position = 0;
        recording = true;
        stretches.clear();
        return this;
    }

    /** Begins a pass without gradients: {@link #backward} is refused and {@link #dropout} does nothing. Returns this. */
    public Tape beginNoGrad() {
        begin();
        recording = false;
        return this;
    }

    /**
     * Whether what lies between {@link #beginStretch} and {@link #endStretch} is forgotten and made again by backward: less
     * memory for more work, the same bits. Takes effect with the next {@link #begin}. Returns this.
     */
    public Tape recompute(boolean wanted) {
        recomputes = wanted;
        return this;
    }

    /**
     * Begins a stretch of operations whose results only each other and the operations up to the next stretch read. Nothing
     * happens where {@link #recompute} is off.
     */
    public void beginStretch() {
        if (recomputes) {
            stretches.begin(position);
            shared.reset(Slab.EMPTY);
        }
    }

    /** Ends the stretch: what follows keeps its results. */
    public void endStretch() {
        if (recomputes) {
            stretches.end(position);
        }
    }

    /** Seed of this step's dropout masks, which depend on it, on the operation's position and on the element alone. */
    public Tape seed(long stepSeed) {
        seed = stepSeed;
        return this;
    }

    /** Whether gradients can be asked for: after {@link #begin}, not after {@link #beginNoGrad}. */
    public boolean recording() {
        return recording;
    }

    /** Bytes of native memory held for activations and their gradients. */
    public long byteSize() {
        return slab.byteSize() + shared.byteSize() + plan.byteSize() + scratch.byteSize();
    }

    /** Rows of a table: [batch, seqLen, dim] from table [vocabSize, dim] and ids [batch·seqLen], read again by backward. */
    public Variable embedding(Variable table, int[] ids, int batch, int seqLen) {
        EmbeddingOp op = again(EmbeddingOp.class, table);
        if (op == null || !op.matches(batch, seqLen)) {
            op = record(new EmbeddingOp(this, table, batch, seqLen));
        }
        op.ids = ids;
        return run(op);
    }

    /** x [batch, seqLen, dim] + positions [context, dim] from the first row on, context ≥ seqLen. */
    public Variable addPositions(Variable x, Variable positions) {
        PositionsOp op = again(PositionsOp.class, x, positions);
        return run(op != null ? op : record(new PositionsOp(this, x, positions)));
    }

    /** x Wᵀ + bias: [.., out] from x [.., in], weight [out, in] and bias [out] or null. */
    public Variable linear(Variable x, Variable weight, Variable bias) {
        return linear(x, weight, bias, Activation.NONE, null);
    }

    /** As {@link #linear(Variable, Variable, Variable)}, then relu or + residual [.., out] (or null), not both. */
    public Variable linear(Variable x, Variable weight, Variable bias, Activation act, Variable residual) {
        LinearOp op = again(LinearOp.class, x, weight, bias, residual);
        if (op == null || !op.matches(act)) {
            op = record(new LinearOp(this, x, weight, bias, act, residual));
        }
        return run(op);
    }

    /** act(x), element by element. */
    public Variable activation(Activation act, Variable x) {
        ActivationOp op = again(ActivationOp.class, x);
        return run(op != null && op.matches(act) ? op : record(new ActivationOp(this, x, act)));
    }

    /** act(gate)·up [.., ffnDim] from gate and up side by side [.., 2·ffnDim]. */
    public Variable gated(Activation act, Variable gateUp) {
        GatedOp op = again(GatedOp.class, gateUp);
        return run(op != null && op.matches(act) ? op : record(new GatedOp(this, gateUp, act)));
    }

    /** LayerNorm of rows of x [.., dim] with weight [dim] and bias [dim] or null. */
    public Variable layerNorm(Variable x, Variable weight, Variable bias, float eps) {
        NormOp op = again(NormOp.class, x, weight, bias);
        if (op == null || !op.matches(Rule.LAYER_NORM, eps)) {
            op = record(new NormOp(this, Rule.LAYER_NORM, x, weight, bias, eps));
        }
        return run(op);
    }

    /** RMSNorm of rows of x [.., dim] with weight [dim]. */
    public Variable rmsNorm(Variable x, Variable weight, float eps) {
        NormOp op = again(NormOp.class, x, weight, null);
        if (op == null || !op.matches(Rule.RMS_NORM, eps)) {
            op = record(new NormOp(this, Rule.RMS_NORM, x, weight, null, eps));
        }
        return run(op);
    }

    /** Turns the first {@code nHeads} heads of each row of x [batch, seqLen, width] by its position from 0 on. */
    public Variable rope(Variable x, RopeTable table, int nHeads, int headDim) {
        return rope(x, table, nHeads, headDim, 0);
    }

    /** As {@link #rope(Variable, RopeTable, int, int)} from position {@code startPos} on. */
    public Variable rope(Variable x, RopeTable table, int nHeads, int headDim, int startPos) {
        RopeOp op = again(RopeOp.class, x);
        if (op == null || !op.matches(table, nHeads, headDim, startPos)) {
            op = record(new RopeOp(this, x, table, nHeads, headDim, startPos));
        }
        return run(op);
    }

    /**
     * Scaled dot-product attention within each sequence, scale 1/√headDim.
     *
     * @param qkv [batch, seqLen, (nHeads + 2·nKvHeads)·headDim]: queries, keys, values side by side; query head h reads
     *     key head h / (nHeads / nKvHeads)
     * @return [batch, seqLen, nHeads·headDim]
     */
    public Variable attention(Variable qkv, int nHeads, int nKvHeads, int headDim, boolean causal) {
        AttentionOp op = again(AttentionOp.class, qkv);
        if (op == null || !op.matches(nHeads, nKvHeads, headDim, causal)) {
            op = record(new AttentionOp(this, qkv, nHeads, nKvHeads, headDim, causal));
        }
        return run(op);
    }

    /** a + b, of the same shape. */
    public Variable add(Variable a, Variable b) {
        AddOp op = again(AddOp.class, a, b);
        return run(op != null ? op : record(new AddOp(this, a, b)));
    }

    /** a · b element by element, of the same shape. */
    public Variable mul(Variable a, Variable b) {
        MulOp op = again(MulOp.class, a, b);
        return run(op != null ? op : record(new MulOp(this, a, b)));
    }

    /** factor · x. */
    public Variable scale(Variable x, float factor) {
        ScaleOp op = again(ScaleOp.class, x);
        op = op != null ? op : record(new ScaleOp(this, x));
        op.factor = factor;
        return run(op);
    }

    /** x with elements dropped with probability p and the others divided by 1 - p; x itself where p is 0 or in noGrad. */
    public Variable dropout(Variable x, float p) {
        if (p == 0f || !recording) {
            return x;
        }
        DropoutOp op = again(DropoutOp.class, x);
        op = op != null ? op : record(new DropoutOp(this, x));
        op.p = p;
        op.seed = dropoutSeed(seed, position);
        return run(op);
    }

    /** Seed of the mask of the operation at {@code position}. */
    static long dropoutSeed(long stepSeed, int position) {
        return stepSeed * 0x9E3779B97F4A7C15L + position * 0xBF58476D1CE4E5B9L;
    }

    /** The mean over seqLen: [batch, dim] from x [batch, seqLen, dim]. */
    public Variable meanPool(Variable x) {
        MeanPoolOp op = again(MeanPoolOp.class, x);
        return run(op != null ? op : record(new MeanPoolOp(this, x)));
    }

    /** Elements {@code from} to {@code to} (exclusive) of the last axis. */
    public Variable slice(Variable x, int from, int to) {
        SliceOp op = again(SliceOp.class, x);
        return run(op != null && op.matches(from, to) ? op : record(new SliceOp(this, x, from, to)));
    }

    /** a and b side by side along the last axis. */
    public Variable concat(Variable a, Variable b) {
        ConcatOp op = again(ConcatOp.class, a, b);
        return run(op != null ? op : record(new ConcatOp(this, a, b)));
    }

    /** Softmax over the last axis. */
    public Variable softmax(Variable x) {
        SoftmaxOp op = again(SoftmaxOp.class, x);
        return run(op != null && op.matches(Rule.SOFTMAX) ? op : record(new SoftmaxOp(this, Rule.SOFTMAX, x)));
    }

    /** Logarithm of the softmax over the last axis. */
    public Variable logSoftmax(Variable x) {
        SoftmaxOp op = again(SoftmaxOp.class, x);
        return run(op != null && op.matches(Rule.LOG_SOFTMAX) ? op : record(new SoftmaxOp(this, Rule.LOG_SOFTMAX, x)));
    }

    /**
     * Mean cross-entropy, a scalar, over the rows of logits [.., classes] whose target [rows] is not {@code ignoreIndex};
     * 0 if there is none.
     */
    public Variable crossEntropy(Variable logits, int[] targets, int ignoreIndex) {
        CrossEntropyOp op = again(CrossEntropyOp.class, logits);
        op = op != null ? op : record(new CrossEntropyOp(this, logits));
        op.targets = targets;
        op.ignoreIndex = ignoreIndex;
        return run(op);
    }

    /** Adds ∂loss/∂parameter to the gradient of every parameter that the scalar {@code loss} depends on. */
    public void backward(Variable loss) {
        backward(loss, 1f);
    }

    /** As {@link #backward(Variable)} for {@code scale}·loss: 1/n for each of n micro-batches. */
    public void backward(Variable loss, float scale) {
        if (loss.shape().elements() != 1) {
            throw new IllegalArgumentException("backward: expected a scalar loss, got shape " + loss.shape());
        }
        prepare(loss);
        loss.gradData().set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, scale);
        runBackwards();
    }

    /** Backward from any result y, given upstream = ∂L/∂y of the same shape. */
    public void backward(Variable y, Tensor upstream) {
        if (!upstream.shape().equals(y.shape()) || !upstream.isDense()) {
            throw new IllegalArgumentException(
                    "backward: expected a dense upstream of " + y.shape() + ", got " + upstream.shape());
        }
        prepare(y);
        y.gradData().copyFrom(upstream.segment());
        runBackwards();
    }

    private void prepare(Variable from) {
        if (!recording) {
            throw new IllegalStateException("backward: this pass began with beginNoGrad; begin records gradients");
        }
        if (!from.requiresGrad() || from.isParameter()) {
            throw new IllegalArgumentException("backward: " + from.shape() + " does not depend on any parameter");
        }
        if (plannedFrom != from || plannedCount != position) {
            plan.make(operations, position, from);
            plannedFrom = from;
            plannedCount = position;
        }
    }

    private void runBackwards() {
        for (int i = position - 1; i >= 0; i--) {
            Operation op = operations.get(i);
            int stretch = stretches.neededFrom(i);
            for (int again = stretches.first(stretch); again < stretches.behind(stretch); again++) {
                operations.get(again).forward();
            }
            if (op.output.gradData() != null && op.output.requiresGrad()) {
                op.backward();
            }
        }
    }

    /** Frees all memory; results can no longer be read. */
    @Override
    public void close() {
        team.exit();
        plan.close();
        slab.close();
        shared.close();
        scratch.close();
        arena.close();
    }

    /** The operation that stood here last time, if it is of this class and has these inputs. */
    private <T extends Operation> T again(Class<T> kind, Variable a, Variable b, Variable c, Variable d) {
        if (position == operations.size() || operations.get(position).getClass() != kind
                || operations.get(position).inStretch != stretches.isOpen()) {
            return null;
        }
        Variable[] inputs = operations.get(position).inputs;
        return inputs[0] == a && (inputs.length < 2 || inputs[1] == b) && (inputs.length < 3 || inputs[2] == c)
                && (inputs.length < 4 || inputs[3] == d) && operations.get(position).stillCurrent()
                ? kind.cast(operations.get(position)) : null;
    }

    private <T extends Operation> T again(Class<T> kind, Variable a) {
        return again(kind, a, null, null, null);
    }

    private <T extends Operation> T again(Class<T> kind, Variable a, Variable b) {
        return again(kind, a, b, null, null);
    }

    private <T extends Operation> T again(Class<T> kind, Variable a, Variable b, Variable c) {
        return again(kind, a, b, c, null);
    }

    /** Puts an operation at this position. Its constructor has called {@link #forgetTheRest}. */
    private <T extends Operation> T record(T op) {
        op.sharedEnd = shared.mark();
        operations.add(op);
        plannedFrom = null;
        return op;
    }

    /** Before an operation is made afresh: forgets what stood from here on and takes its memory back. */
    Slab.Mark forgetTheRest() {
        if (position < operations.size()) {
            slab.reset(operations.get(position).mark);
            operations.subList(position, operations.size()).clear();
        }
        return slab.mark();
    }

    private Variable run(Operation op) {
        op.forward();
        position++;
        if (op.inStretch) {
            shared.reset(op.sharedEnd);
        }
        return op.output;
    }

    /** Memory for a result, not cleared. */
    Tensor tensor(Shape shape) {
        Slab from = stretches.isOpen() ? shared : slab;
        return Tensor.of(from.allocate(DType.F32.byteSize(shape.elements())), DType.F32, shape);
    }

    /** Whether an operation made now belongs to a stretch. */
    boolean inStretch() {
        return stretches.isOpen();
    }

    /** Memory that lives with the operation being made, not cleared. */
    MemorySegment memory(long floats) {
        return slab.allocate(4 * floats);
    }

    Team team() {
        return team;
    }

    TrainMatmul matmul() {
        return matmul;
    }

    /** Memory for the time of one rule. */
    Scratch scratch() {
        return scratch;
    }
}
