package io.lanewise.autograd;

/**
 * The table of gradient rules: what an operation computes and what it hands back. dX stands for ∂L/∂X. Accumulation
 * policy, said once: the gradient of a parameter is added to ({@code +=}) until {@link Variable#zeroGrad}; the gradient
 * of an activation is written ({@code =}) by the last operation that used it and added to by the others.
 */
public enum Rule {
    LINEAR("y = x Wᵀ + b", "dX = dY W, dW += dYᵀ x, db += Σ dY"),
    LINEAR_RELU("y = relu(x Wᵀ + b)", "dY = 0 where y = 0, then as LINEAR"),
    LINEAR_RESIDUAL("y = x Wᵀ + b + r", "as LINEAR, dR = dY"),
    EMBEDDING("y[t] = W[id[t]]", "dW[id[t]] += dY[t]"),
    POSITIONS("y[b, t] = x[b, t] + P[t]", "dX = dY, dP[t] += Σ_b dY[b, t]"),
    ACTIVATION("y = act(x)", "dX = dY·act'(x)"),
    GATED("y = act(gate)·up", "dGate = dY·up·act'(gate), dUp = dY·act(gate)"),
    LAYER_NORM("y = n·w + b, n = (x - mean)·s", "g = dY·w: dX = s·(g - mean(g) - n·mean(g·n)), dW += dY·n, db += dY"),
    RMS_NORM("y = n·w, n = x·s", "g = dY·w: dX = s·(g - n·mean(g·n)), dW += dY·n"),
    ROPE("y = R(position)·x", "dX = R(position)ᵀ·dY"),
    ATTENTION("P = softmax(Q Kᵀ·scale), O = P V",
            "D = Σ dO·O, dS = P·(dO Vᵀ - D)·scale: dQ = dS K, dK = dSᵀ Q, dV = Pᵀ dO"),
    ADD("y = a + b", "dA = dY, dB = dY"),
    MUL("y = a·b", "dA = dY·b, dB = dY·a"),
    SCALE("y = f·x", "dX = f·dY"),
    DROPOUT("y = x·mask/(1 - p)", "dX = dY·mask/(1 - p)"),
    MEAN_POOL("y[b] = mean_t x[b, t]", "dX[b, t] = dY[b] / T"),
    SLICE("y = x[.., from:to]", "dX[.., from:to] = dY, 0 elsewhere"),
    CONCAT("y = [a | b]", "dA, dB = the parts of dY"),
    SOFTMAX("y = softmax(x)", "dX = y·(dY - Σ y·dY)"),
    LOG_SOFTMAX("y = x - log Σ e^x", "dX = dY - e^y·Σ dY"),
    CROSS_ENTROPY("L = mean over counted rows of log Σ e^x - x[target]", "dX = (softmax(x) - onehot)·dL / count");

    private final String forward;
    private final String backward;

    Rule(String forward, String backward) {
        this.forward = forward;
        this.backward = backward;
    }

    /** The formula of the result. */
    public String forward() {
        return forward;
    }

    /** The formulas of the gradients. */
    public String backward() {
        return backward;
    }
}
