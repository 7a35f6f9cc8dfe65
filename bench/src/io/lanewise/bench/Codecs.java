package io.lanewise.bench;

import io.lanewise.kernels.WeightCodec;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Dequantisation and quantisation of 65,536 weights, in GB/s of the floats. */
@State(Scope.Benchmark)
public class Codecs implements Case {
    private static final long ELEMENTS = 1 << 16;

    @Param({"decode", "encode"})
    public String way;

    @Param({"F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS",
        "MXFP4"})
    public String type;

    private Arena arena;
    private WeightCodec codec;
    private MemorySegment floats;
    private MemorySegment encoded;

    @Setup
    public void setUp() {
        arena = Arena.ofShared();
        codec = WeightCodec.require(DType.valueOf(type));
        floats = Inputs.random(arena, ELEMENTS).segment();
        encoded = Tensor.allocate(arena, codec.dtype(), Shape.of(ELEMENTS)).segment();
        MemorySegment original = arena.allocate(floats.byteSize(), 64).copyFrom(floats);
        codec.encode(floats, 0, encoded, 0, ELEMENTS);
        codec.decode(encoded, 0, floats, 0, ELEMENTS);
        check(original);
    }

    /** The root mean square of the error: two bits a weight leave a tenth of the range, that is 0.1 of -0.5 to 0.5. */
    private void check(MemorySegment original) {
        double squares = 0;
        for (long i = 0; i < ELEMENTS; i++) {
            double error = original.getAtIndex(ValueLayout.JAVA_FLOAT, i)
                    - floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            squares += error * error;
        }
        Inputs.near(type + " error", Math.sqrt(squares / ELEMENTS), 0, 0.12);
    }

    @Benchmark
    public void convert() {
        if (way.equals("decode")) {
            codec.decode(encoded, 0, floats, 0, ELEMENTS);
        } else {
            codec.encode(floats, 0, encoded, 0, ELEMENTS);
        }
    }

    @TearDown
    public void tearDown() {
        arena.close();
    }

    @Override
    public double work() {
        return 4.0 * ELEMENTS;
    }

    @Override
    public boolean memory() {
        return true;
    }

    @Override
    public int threads() {
        return 1;
    }
}
