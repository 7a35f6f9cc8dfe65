package io.lanewise.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ElementwiseTest {
    private interface Binary {
        void run(MemorySegment a, long aOff, MemorySegment b, long bOff, MemorySegment y, long yOff, int n);
    }

    private interface Unary {
        void run(MemorySegment x, long xOff, MemorySegment y, long yOff, int n);
    }

    private interface Truth {
        float of(float a, float b);
    }

    private static void checkBinary(String name, Binary kernel, Truth truth) {
        SplittableRandom random = new SplittableRandom(1);
        try (Arena arena = Arena.ofConfined()) {
            for (int n : FloatRow.lengths()) {
                FloatRow a = new FloatRow(arena, n % 3, FloatRow.random(random, n));
                FloatRow b = new FloatRow(arena, n % 5, FloatRow.random(random, n));
                FloatRow y = new FloatRow(arena, n % 2, new float[n]);
                kernel.run(a.segment, a.off, b.segment, b.off, y.segment, y.off, n);
                float[] expected = new float[n];
                for (int i = 0; i < n; i++) {
                    expected[i] = truth.of(a.values()[i], b.values()[i]);
                }
                assertThat(y.values()).as("%s of %d", name, n).isEqualTo(expected);
                kernel.run(a.segment, a.off, b.segment, b.off, a.segment, a.off, n);
                assertThat(a.values()).as("%s of %d in place", name, n).isEqualTo(expected);
            }
        }
    }

    private static void checkUnary(String name, Unary kernel, Truth truth) {
        checkBinary(name, (a, aOff, b, bOff, y, yOff, n) -> kernel.run(a, aOff, y, yOff, n), truth);
    }

    @Test
    void addMulAndScaleAreExact() {
        checkBinary("add", Elementwise::add, (a, b) -> a + b);
        checkBinary("mul", Elementwise::mul, (a, b) -> a * b);
        checkUnary("scale", (x, xOff, y, yOff, n) -> Elementwise.scale(x, xOff, 0.3f, y, yOff, n), (a, b) -> a * 0.3f);
        checkUnary("copy", Elementwise::copy, (a, b) -> a);
        checkUnary("fill", (x, xOff, y, yOff, n) -> Elementwise.fill(y, yOff, n, 7f), (a, b) -> 7f);
    }

    @Test
    void addScaledAddsToY() {
        checkBinary("addScaled", (a, aOff, b, bOff, y, yOff, n) -> {
            Elementwise.copy(b, bOff, y, yOff, n);
            Elementwise.addScaled(b, bOff, -2.5f, y, yOff, n);
        }, (a, b) -> Math.fma(b, -2.5f, b));
    }

    @Test
    void activationsAreThoseOfVectorMathWhereverAValueFalls() {
        checkUnary("relu", Elementwise::relu, (a, b) -> Math.max(a, 0f));
        checkUnary("sigmoid", Elementwise::sigmoid, (a, b) -> VectorMath.sigmoid(a));
        checkUnary("silu", Elementwise::silu, (a, b) -> VectorMath.silu(a));
        checkUnary("geluTanh", Elementwise::geluTanh, (a, b) -> VectorMath.geluTanh(a));
        checkUnary("geluErf", Elementwise::geluErf, (a, b) -> VectorMath.geluErf(a));
        checkBinary("siluMul", Elementwise::siluMul, (a, b) -> VectorMath.silu(a) * b);
        checkBinary("geluTanhMul", Elementwise::geluTanhMul, (a, b) -> VectorMath.geluTanh(a) * b);
        checkBinary("geluErfMul", Elementwise::geluErfMul, (a, b) -> VectorMath.geluErf(a) * b);
    }

    @Test
    void softCapBendsTowardsTheCap() {
        checkUnary("softCap", (x, xOff, y, yOff, n) -> {
            Elementwise.copy(x, xOff, y, yOff, n);
            Elementwise.softCap(y, yOff, n, 0.5f);
        }, (a, b) -> VectorMath.tanh(a * 2f) * 0.5f);
        try (Arena arena = Arena.ofConfined()) {
            FloatRow x = new FloatRow(arena, 0, 1000f, -1000f, 0f, 0.001f);
            Elementwise.softCap(x.segment, x.off, 4, 30f);
            assertThat(x.values()).containsExactly(30f, -30f, 0f, 0.001f);
        }
    }

    @Test
    void floatsNeedNoAlignment() {
        try (Arena arena = Arena.ofConfined()) {
            FloatRow a = new FloatRow(arena, 1, FloatRow.random(new SplittableRandom(2), 100));
            MemorySegment odd = a.shiftedByOneByte(arena);
            FloatRow y = new FloatRow(arena, 0, new float[100]);
            Elementwise.add(odd, a.off, a.segment, a.off, y.segment, y.off, 100);
            for (int i = 0; i < 100; i++) {
                assertThat(y.values()[i]).isEqualTo(2 * a.values()[i]);
            }
        }
    }
}
