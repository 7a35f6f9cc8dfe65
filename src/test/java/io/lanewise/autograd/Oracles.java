package io.lanewise.autograd;

import io.lanewise.kernels.Activation;
import io.lanewise.kernels.RopeStyle;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/** Every gradient rule in double precision, as plain loops over the formulas of {@link Rule}. */
final class Oracles {
    private Oracles() {}

    /** y = x Wᵀ + b (+ r), or its relu; inputs x [rows, in], W [out, in], b [out] and perhaps r [rows, out]. */
    record Linear(int rows, int in, int out, boolean relu, boolean residual) implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            double[] y = new double[rows * out];
            for (int r = 0; r < rows; r++) {
                for (int o = 0; o < out; o++) {
                    double sum = x[2][o] + (residual ? x[3][r * out + o] : 0);
                    for (int i = 0; i < in; i++) {
                        sum += x[0][r * in + i] * x[1][o * in + i];
                    }
                    y[r * out + o] = relu ? Math.max(sum, 0) : sum;
                }
            }
            return y;
        }

        @Override
        public double[][] backward(double[][] x, double[] upstream) {
            double[] dY = upstream.clone();
            double[] y = forward(x);
            for (int i = 0; relu && i < dY.length; i++) {
                dY[i] = y[i] > 0 ? dY[i] : 0;
            }
            double[] dX = new double[rows * in];
            double[] dW = new double[out * in];
            double[] dB = new double[out];
            for (int r = 0; r < rows; r++) {
                for (int o = 0; o < out; o++) {
                    double g = dY[r * out + o];
                    dB[o] += g;
                    for (int i = 0; i < in; i++) {
                        dX[r * in + i] += g * x[1][o * in + i];
                        dW[o * in + i] += g * x[0][r * in + i];
                    }
                }
            }
            return residual ? new double[][] {dX, dW, dB, dY} : new double[][] {dX, dW, dB};
        }
    }

    /** y = f(x), element by element. */
    record Map(DoubleUnaryOperator f, DoubleUnaryOperator slope) implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            return Arrays.stream(x[0]).map(f).toArray();
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[] dX = new double[dY.length];
            for (int i = 0; i < dX.length; i++) {
                dX[i] = dY[i] * slope.applyAsDouble(x[0][i]);
            }
            return new double[][] {dX};
        }
    }

    static double value(Activation act, double x) {
        return switch (act) {
            case NONE -> x;
            case RELU -> Math.max(x, 0);
            case SILU -> x / (1 + Math.exp(-x));
            case GELU_TANH -> x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))) / 2;
            case GELU_ERF -> x * normal(x);
        };
    }

    static double slope(Activation act, double x) {
        double s = 1 / (1 + Math.exp(-x));
        return switch (act) {
            case NONE -> 1;
            case RELU -> x > 0 ? 1 : 0;
            case SILU -> s + x * s * (1 - s);
            case GELU_TANH -> {
                double t = Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));
                yield (1 + t) / 2 + x * (1 - t * t) / 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
            }
            case GELU_ERF -> normal(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        };
    }

    /** Φ(x) by the series φ(x)·(x + x³/3 + x⁵/15 + …), exact to the last digits for |x| < 8. */
    static double normal(double x) {
        double term = x;
        double sum = x;
        for (int i = 3; Math.abs(term) > 1e-18 * Math.abs(sum) && i < 400; i += 2) {
            term *= x * x / i;
            sum += term;
        }
        return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }

    /** y = act(gate)·up; x [rows, 2·n]. */
    record Gated(Activation act, int n) implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            double[] y = new double[x[0].length / 2];
            for (int i = 0; i < y.length; i++) {
                int gate = i / n * 2 * n + i % n;
                y[i] = value(act, x[0][gate]) * x[0][gate + n];
            }
            return y;
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[] dX = new double[x[0].length];
            for (int i = 0; i < dY.length; i++) {
                int gate = i / n * 2 * n + i % n;
                dX[gate] = dY[i] * x[0][gate + n] * slope(act, x[0][gate]);
                dX[gate + n] = dY[i] * value(act, x[0][gate]);
            }
            return new double[][] {dX};
        }
    }

    /** LayerNorm of x [rows, n] with weight and bias, or RMSNorm with weight. */
    record Norm(int n, boolean centred, double eps) implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            double[] y = new double[x[0].length];
            for (int row = 0; row < y.length; row += n) {
                double[] normal = normalise(x[0], row);
                for (int i = 0; i < n; i++) {
                    y[row + i] = normal[i] * x[1][i] + (centred ? x[2][i] : 0);
                }
            }
            return y;
        }

        /** n normalised values, then the scale. */
        private double[] normalise(double[] x, int row) {
            double mean = 0;
            double squares = 0;
            for (int i = 0; centred && i < n; i++) {
                mean += x[row + i] / n;
            }
            for (int i = 0; i < n; i++) {
                squares += (x[row + i] - mean) * (x[row + i] - mean) / n;
            }
            double[] normal = new double[n + 1];
            normal[n] = 1 / Math.sqrt(squares + eps);
            for (int i = 0; i < n; i++) {
                normal[i] = (x[row + i] - mean) * normal[n];
            }
            return normal;
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[] dX = new double[x[0].length];
            double[] dW = new double[n];
            double[] dB = new double[n];
            for (int row = 0; row < dX.length; row += n) {
                double[] normal = normalise(x[0], row);
                double meanG = 0;
                double meanGn = 0;
                for (int i = 0; i < n; i++) {
                    double g = dY[row + i] * x[1][i];
                    meanG += centred ? g / n : 0;
                    meanGn += g * normal[i] / n;
                    dW[i] += dY[row + i] * normal[i];
                    dB[i] += dY[row + i];
                }
                for (int i = 0; i < n; i++) {
                    dX[row + i] = normal[n] * (dY[row + i] * x[1][i] - meanG - normal[i] * meanGn);
                }
            }
            return centred ? new double[][] {dX, dW, dB} : new double[][] {dX, dW};
        }
    }

    /** Rotary positions on the first heads of rows [batch, seqLen, width]. */
    record Rope(RopeStyle style, int seqLen, int width, int heads, int headDim, int start) implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            return turn(x[0], 1);
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            return new double[][] {turn(dY, -1)};
        }

        private double[] turn(double[] x, int direction) {
            double[] y = x.clone();
            for (int at = 0; at < x.length; at += width) {
                int position = start + at / width % seqLen;
                for (int head = 0; head < heads; head++) {
                    for (int j = 0; j < headDim / 2; j++) {
                        double angle = direction * position * Math.pow(10_000, -2.0 * j / headDim);
                        int a = at + head * headDim + (style == RopeStyle.HALF_SPLIT ? j : 2 * j);
                        int b = style == RopeStyle.HALF_SPLIT ? a + headDim / 2 : a + 1;
                        // The kernel's table is FP32, and its rounding is part of what it computes.
                        float cos = (float) Math.cos(angle);
                        float sin = (float) Math.sin(angle);
                        y[a] = x[a] * cos - x[b] * sin;
                        y[b] = x[b] * cos + x[a] * sin;
                    }
                }
            }
            return y;
        }
    }

    /** Attention of qkv [batch, seqLen, (heads + 2·kvHeads)·headDim]. */
    record Attention(int batch, int seqLen, int heads, int kvHeads, int headDim, boolean causal)
            implements GradientCase.Oracle {
        private int width() {
            return (heads + 2 * kvHeads) * headDim;
        }

        private int q(int b, int t, int h) {
            return (b * seqLen + t) * width() + h * headDim;
        }

        private int k(int b, int t, int h) {
            return q(b, t, heads + h / (heads / kvHeads));
        }

        private int v(int b, int t, int h) {
            return q(b, t, heads + kvHeads + h / (heads / kvHeads));
        }

        private double dot(double[] a, int aAt, double[] b, int bAt) {
            double sum = 0;
            for (int d = 0; d < headDim; d++) {
                sum += a[aAt + d] * b[bAt + d];
            }
            return sum;
        }

        private double[] probs(double[] x, int b, int t, int h) {
            int visible = causal ? t + 1 : seqLen;
            double[] p = new double[visible];
            double max = Double.NEGATIVE_INFINITY;
            for (int s = 0; s < visible; s++) {
                p[s] = dot(x, q(b, t, h), x, k(b, s, h)) / Math.sqrt(headDim);
                max = Math.max(max, p[s]);
            }
            double sum = 0;
            for (int s = 0; s < visible; s++) {
                p[s] = Math.exp(p[s] - max);
                sum += p[s];
            }
            for (int s = 0; s < visible; s++) {
                p[s] /= sum;
            }
            return p;
        }

        @Override
        public double[] forward(double[][] x) {
            double[] y = new double[batch * seqLen * heads * headDim];
            for (int row = 0; row < batch * seqLen; row++) {
                for (int h = 0; h < heads; h++) {
                    double[] p = probs(x[0], row / seqLen, row % seqLen, h);
                    for (int s = 0; s < p.length; s++) {
                        for (int d = 0; d < headDim; d++) {
                            y[(row * heads + h) * headDim + d] += p[s] * x[0][v(row / seqLen, s, h) + d];
                        }
                    }
                }
            }
            return y;
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[] dX = new double[x[0].length];
            for (int row = 0; row < batch * seqLen; row++) {
                for (int h = 0; h < heads; h++) {
                    backwardRow(x[0], row / seqLen, row % seqLen, h, dY, (row * heads + h) * headDim, dX);
                }
            }
            return new double[][] {dX};
        }

        private void backwardRow(double[] x, int b, int t, int h, double[] dY, int dOut, double[] dX) {
            double[] p = probs(x, b, t, h);
            double[] dP = new double[p.length];
            double delta = 0;
            for (int s = 0; s < p.length; s++) {
                dP[s] = dot(dY, dOut, x, v(b, s, h));
                delta += p[s] * dP[s];
            }
            for (int s = 0; s < p.length; s++) {
                double dS = p[s] * (dP[s] - delta) / Math.sqrt(headDim);
                for (int d = 0; d < headDim; d++) {
                    dX[q(b, t, h) + d] += dS * x[k(b, s, h) + d];
                    dX[k(b, s, h) + d] += dS * x[q(b, t, h) + d];
                    dX[v(b, s, h) + d] += p[s] * dY[dOut + d];
                }
            }
        }
    }

    /** Softmax of rows of n, or its logarithm. */
    record Softmax(int n, boolean log) implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            double[] y = new double[x[0].length];
            for (int row = 0; row < y.length; row += n) {
                double logSum = logSumExp(x[0], row, n);
                for (int i = row; i < row + n; i++) {
                    y[i] = log ? x[0][i] - logSum : Math.exp(x[0][i] - logSum);
                }
            }
            return y;
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[] y = forward(x);
            double[] dX = new double[y.length];
            for (int row = 0; row < y.length; row += n) {
                double sum = 0;
                for (int i = row; i < row + n; i++) {
                    sum += log ? dY[i] : dY[i] * y[i];
                }
                for (int i = row; i < row + n; i++) {
                    dX[i] = log ? dY[i] - Math.exp(y[i]) * sum : y[i] * (dY[i] - sum);
                }
            }
            return new double[][] {dX};
        }
    }

    static double logSumExp(double[] x, int from, int n) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = from; i < from + n; i++) {
            max = Math.max(max, x[i]);
        }
        double sum = 0;
        for (int i = from; i < from + n; i++) {
            sum += Math.exp(x[i] - max);
        }
        return max + Math.log(sum);
    }

    /** Mean cross-entropy of rows of n against targets, -1 left out. */
    record CrossEntropy(int n, int[] targets) implements GradientCase.Oracle {
        private long counted() {
            return Arrays.stream(targets).filter(t -> t >= 0).count();
        }

        @Override
        public double[] forward(double[][] x) {
            double sum = 0;
            for (int row = 0; row < targets.length; row++) {
                if (targets[row] >= 0) {
                    sum += logSumExp(x[0], row * n, n) - x[0][row * n + targets[row]];
                }
            }
            return new double[] {sum / counted()};
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[] dX = new double[x[0].length];
            for (int row = 0; row < targets.length; row++) {
                if (targets[row] >= 0) {
                    double logSum = logSumExp(x[0], row * n, n);
                    for (int i = 0; i < n; i++) {
                        dX[row * n + i] = (Math.exp(x[0][row * n + i] - logSum) - (i == targets[row] ? 1 : 0)) * dY[0]
                                / counted();
                    }
                }
            }
            return new double[][] {dX};
        }
    }

    /**
     * A rule that only moves and weighs elements: y[i] = Σ factor·x[input][from] over the terms of i. Gather, slice,
     * concatenation, means, sums, masks.
     */
    record Sparse(int size, int[] inputSizes, double[][] terms) implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            double[] y = new double[size];
            for (double[] term : terms) {
                y[(int) term[0]] += term[3] * x[(int) term[1]][(int) term[2]];
            }
            return y;
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[][] dX = new double[inputSizes.length][];
            Arrays.setAll(dX, i -> new double[inputSizes[i]]);
            for (double[] term : terms) {
                dX[(int) term[1]][(int) term[2]] += term[3] * dY[(int) term[0]];
            }
            return dX;
        }
    }

    /** y = a·b. */
    record Product() implements GradientCase.Oracle {
        @Override
        public double[] forward(double[][] x) {
            double[] y = new double[x[0].length];
            Arrays.setAll(y, i -> x[0][i] * x[1][i]);
            return y;
        }

        @Override
        public double[][] backward(double[][] x, double[] dY) {
            double[][] dX = new double[2][dY.length];
            Arrays.setAll(dX[0], i -> dY[i] * x[1][i]);
            Arrays.setAll(dX[1], i -> dY[i] * x[0][i]);
            return dX;
        }
    }
}
