package io.lanewise.nn;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.Elementwise;
import io.lanewise.kernels.Matmul;
import io.lanewise.parallel.StageBody;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The feed-forward of a mixture of experts: y += Σ weight · expert(x) + shared(x), for a batch of tokens at a time. All
 * tokens are routed, their rows gathered by expert, each expert multiplied once with all of its rows, and the answers
 * added up token by token in the order of their weights: the result of a token does not depend on the tokens beside it
 * or on threads. A single token reads the bytes of its topK experts and no others.
 *
 * <p>One a session; it owns the scratch of up to {@code maxRows} tokens and allocates nothing a call.
 */
public final class MixtureOfExperts {
    /** Tokens a chunk of the stages that treat each by itself. */
    private static final int GRAIN = 4;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final ExpertRouting routing;
    private final Team team;
    private final Matmul matmul;
    private final Activation activation;
    private final int dim;
    private final Router[] routers;
    /** The router's logits [maxRows, nExperts]. */
    private final Tensor logits;
    /** The rows that experts read, later those that they write, expert by expert; [maxRows · topK, dim]. */
    private final Tensor gathered;
    /** act(gate)·up of the gathered rows, [maxRows · topK, ffnDim]. */
    private final Tensor hidden;
    /** [maxRows, sharedFfnDim], or null where nothing is shared. */
    private final Tensor sharedHidden;
    /** Logit of the shared answer's gate [maxRows, 1], and the answer itself [maxRows, dim]; null without such a gate. */
    private final Tensor sharedLogit;
    private final Tensor sharedOut;
    /** Of each token's choices [maxRows, topK]: expert, weight, and gathered row. */
    private final int[] chosen;
    private final float[] weights;
    private final int[] place;
    /** First gathered row of each expert, and the end of the last one's. */
    private final int[] start;
    private final StageBody choose = this::chooseRows;
    private final StageBody gather = this::gatherRows;
    private final StageBody combine = this::combineRows;

    private MixtureWeights w;
    private Tensor x;
    private Tensor y;

    /**
     * @param matmul whose x may have {@code maxRows} rows as long as dim and both feed-forward widths
     * @param ffnDim hidden width of an expert
     * @param sharedFfnDim hidden width of what is shared; 0 for nothing
     * @param gatedShare whether the shared answer has a gate of its own
     */
    public MixtureOfExperts(Arena arena, Team team, Matmul matmul, ExpertRouting routing, Activation activation,
            int maxRows, int dim, int ffnDim, int sharedFfnDim, boolean gatedShare) {
        int choices = Math.multiplyExact(maxRows, routing.topK());
        this.routing = routing;
        this.team = team;
        this.matmul = matmul;
        this.activation = activation;
        this.dim = dim;
        this.routers = new Router[team.threads()];
        for (int worker = 0; worker < routers.length; worker++) {
            routers[worker] = new Router(routing);
        }
        this.logits = Tensor.allocate(arena, maxRows, routing.nExperts());
        this.gathered = Tensor.allocate(arena, choices, dim);
        this.hidden = Tensor.allocate(arena, choices, ffnDim);
        this.sharedHidden = sharedFfnDim == 0 ? null : Tensor.allocate(arena, maxRows, sharedFfnDim);
        this.sharedLogit = gatedShare ? Tensor.allocate(arena, maxRows, 1) : null;
        this.sharedOut = gatedShare ? Tensor.allocate(arena, maxRows, dim) : null;
        this.chosen = new int[choices];
        this.weights = new float[choices];
        this.place = new int[choices];
        this.start = new int[routing.nExperts() + 1];
    }

    /**
     * y += the mixture's answer to x, both [rows, dim] and apart from each other. The team must have been entered.
     *
     * @param x what the router and the experts read
     * @param y the residual stream
     */
    public void forward(MixtureWeights w, Tensor x, int rows, Tensor y) {
        this.w = w;
        this.x = x;
        this.y = y;
        matmul.begin(x.segment(), 0, x.stride(0), rows, dim);
        w.router().addTo(matmul, logits);
        if (sharedHidden != null) {
            w.sharedGateUp().addTo(matmul, activation, false, sharedHidden);
        }
        if (sharedLogit != null) {
            w.sharedGate().addTo(matmul, sharedLogit);
        }
        matmul.run();
        team.run(rows, GRAIN, choose);
        if (rows == 1) {
            multiplyOne();
        } else {
            sortByExpert(rows);
            team.run(rows, GRAIN, gather);
            multiplyMany(rows);
        }
        team.run(rows, GRAIN, combine);
        this.w = null;
        this.x = null;
        this.y = null;
    }

    private void chooseRows(int from, int to, int worker) {
        MemorySegment bias = w.choiceBias() == null ? null : w.choiceBias().segment();
        for (int row = from; row < to; row++) {
            routers[worker].choose(logits.segment(), row * logits.stride(0), bias, chosen, weights,
                    row * routing.topK());
        }
    }

    /** One token: its row serves every expert as it lies. */
    private void multiplyOne() {
        int topK = routing.topK();
        matmul.begin(x.segment(), 0, x.stride(0), 1, dim);
        for (int i = 0; i < topK; i++) {
            place[i] = i;
            addGateUp(chosen[i], i);
        }
        matmul.run();
        beginDown(1);
        for (int i = 0; i < topK; i++) {
            addDown(chosen[i], i, 1);
        }
        matmul.run();
    }

    /** Gives every choice a gathered row, in the order of experts and, within one, of tokens. */
    private void sortByExpert(int rows) {
        int choices = rows * routing.topK();
        Arrays.fill(start, 0);
        for (int i = 0; i < choices; i++) {
            start[chosen[i] + 1]++;
        }
        for (int expert = 0; expert < routing.nExperts(); expert++) {
            start[expert + 1] += start[expert];
        }
        for (int i = 0; i < choices; i++) {
            place[i] = start[chosen[i]]++;
        }
        System.arraycopy(start, 0, start, 1, routing.nExperts());
        start[0] = 0;
    }

    private void gatherRows(int from, int to, int worker) {
        for (int i = from * routing.topK(); i < to * routing.topK(); i++) {
            Elementwise.copy(x.segment(), i / routing.topK() * x.stride(0), gathered.segment(),
                    place[i] * gathered.stride(0), dim);
        }
    }

    private void multiplyMany(int rows) {
        matmul.begin(gathered.segment(), 0, gathered.stride(0), 0, dim);
        for (int expert = 0; expert < routing.nExperts(); expert++) {
            int count = start[expert + 1] - start[expert];
            if (count > 0) {
                matmul.input(gathered.segment(), start[expert] * gathered.stride(0), gathered.stride(0), count, dim);
                addGateUp(expert, start[expert]);
            }
        }
        matmul.run();
        beginDown(rows);
        for (int expert = 0; expert < routing.nExperts(); expert++) {
            int count = start[expert + 1] - start[expert];
            if (count > 0) {
                addDown(expert, start[expert], count);
            }
        }
        matmul.run();
    }

    private void addGateUp(int expert, int row) {
        matmul.add(w.experts().gateUp(expert), null, activation, false, hidden.segment(), row * hidden.stride(0),
                hidden.stride(0));
    }

    /** Starts the second products with the shared one, which goes straight to y unless it has a gate. */
    private void beginDown(int rows) {
        if (sharedHidden == null) {
            matmul.begin(hidden.segment(), 0, hidden.stride(0), 0, hidden.shape().size(1));
            return;
        }
        matmul.begin(sharedHidden.segment(), 0, sharedHidden.stride(0), rows, sharedHidden.shape().size(1));
        if (sharedOut == null) {
            w.sharedDown().addResidualTo(matmul, y);
        } else {
            w.sharedDown().addTo(matmul, sharedOut);
        }
    }

    private void addDown(int expert, int row, int count) {
        matmul.input(hidden.segment(), row * hidden.stride(0), hidden.stride(0), count, hidden.shape().size(1));
        matmul.add(w.experts().down(expert), null, Activation.NONE, false, gathered.segment(), row * gathered.stride(0),
                gathered.stride(0));
    }

    private void combineRows(int from, int to, int worker) {
        for (int row = from; row < to; row++) {
            long at = row * y.stride(0);
            for (int i = row * routing.topK(); i < (row + 1) * routing.topK(); i++) {
                Elementwise.addScaled(gathered.segment(), place[i] * gathered.stride(0), weights[i], y.segment(), at, dim);
            }
            if (sharedOut != null) {
                Elementwise.sigmoid(sharedLogit.segment(), row, sharedLogit.segment(), row, 1);
                Elementwise.addScaled(sharedOut.segment(), row * sharedOut.stride(0), sharedLogit.segment().get(FLOAT,
                        (long) row * Float.BYTES), y.segment(), at, dim);
            }
        }
    }
}
