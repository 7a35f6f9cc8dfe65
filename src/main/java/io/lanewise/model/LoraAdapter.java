package io.lanewise.model;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.FormatException;
import io.lanewise.format.SafetensorsWriter;
import io.lanewise.kernels.WeightCodec;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Low-rank changes to some matrices of a model (Hu et al., LoRA, ICLR 2022): W' = W + (alpha / rank) · B · A with A
 * [rank, in] and B [out, rank]. A safetensors file holds them as {@code blk.0.attn_q.weight.lora_a} and
 * {@code .lora_b}, with {@code lora.alpha} and {@code lora.rank} as metadata. Immutable.
 */
public final class LoraAdapter {
    private static final String A = ".lora_a";
    private static final String B = ".lora_b";
    private static final String ALPHA = "lora.alpha";
    private static final String RANK = "lora.rank";
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Path path;
    private final float scale;
    private final Map<String, Factors> factors;

    /** Row-major A [rank, in] and B [out, rank]. */
    private record Factors(float[] a, float[] b, int rank, int in, int out) {}

    private LoraAdapter(Path path, float scale, Map<String, Factors> factors) {
        this.path = path;
        this.scale = scale;
        this.factors = factors;
    }

    /** @throws FormatException if the file is damaged or no adapter of this kind */
    public static LoraAdapter open(Path path) {
        try (Checkpoint file = Checkpoint.open(path)) {
            double alpha = number(path, file, ALPHA);
            double rank = number(path, file, RANK);
            Map<String, Factors> factors = new LinkedHashMap<>();
            for (TensorSource source : file.tensors()) {
                if (source.name().endsWith(A)) {
                    String name = source.name().substring(0, source.name().length() - A.length());
                    factors.put(name, factors(path, source, file.tensor(name + B), (int) rank));
                }
            }
            if (factors.isEmpty()) {
                throw new FormatException(path, "has no tensor whose name ends in " + A + "; expected a LoRA adapter");
            }
            return new LoraAdapter(path, (float) (alpha / rank), factors);
        }
    }

    private static double number(Path path, Checkpoint file, String key) {
        try {
            double number = Double.parseDouble(file.metadata().string(key));
            if (number > 0 && number <= 1 << 20) {
                return number;
            }
        } catch (NumberFormatException noNumber) {
            // Reported below with those out of range.
        }
        throw new FormatException(path, key + ": expected a number above 0, found '" + file.metadata().string(key) + "'");
    }

    private static Factors factors(Path path, TensorSource a, TensorSource b, int rank) {
        if (a.dtype() != DType.F32 || b.dtype() != DType.F32 || a.shape().rank() != 2 || b.shape().rank() != 2
                || a.shape().dim(0) != rank || b.shape().dim(1) != rank) {
            throw new FormatException(path, "tensors " + a.name() + " " + a.dtype() + " " + a.shape() + " and " + b.name()
                    + " " + b.dtype() + " " + b.shape() + ": expected F32 [" + rank + ", in] and [out, " + rank + "]");
        }
        return new Factors(a.map().toFloatArray(), b.map().toFloatArray(), rank, a.shape().size(1), b.shape().size(0));
    }

    /**
     * Adapters that are in memory, copied.
     *
     * @param factors as for {@link #write}
     */
    public static LoraAdapter of(double alpha, int rank, Map<String, Tensor> factors) {
        Map<String, Factors> copies = new LinkedHashMap<>();
        factors.forEach((name, a) -> {
            if (name.endsWith(A)) {
                String matrix = name.substring(0, name.length() - A.length());
                Tensor b = factors.get(matrix + B);
                copies.put(matrix, new Factors(a.toFloatArray(), b.toFloatArray(), rank, a.shape().size(1),
                        b.shape().size(0)));
            }
        });
        return new LoraAdapter(Path.of("adapters"), (float) (alpha / rank), copies);
    }

    /**
     * Writes adapters.
     *
     * @param factors A and B by the name of their matrix with {@code .lora_a} and {@code .lora_b} behind it, dense F32
     */
    public static void write(Path path, double alpha, int rank, Map<String, Tensor> factors) {
        SafetensorsWriter out = new SafetensorsWriter();
        out.metadata(ALPHA, Double.toString(alpha)).metadata(RANK, Integer.toString(rank));
        factors.forEach((name, tensor) -> out.tensor(name, DType.F32, tensor.shape(),
                (offset, chunk) -> MemorySegment.copy(tensor.segment(), offset, chunk, 0, chunk.byteSize())));
        out.write(path);
    }

    /**
     * The weight with its change, as F32, or the weight itself where the adapter leaves it alone.
     *
     * @throws FormatException if the adapter is for a matrix of another shape, or the weight's type has no decoder
     */
    public TensorSource apply(TensorSource weight) {
        Factors change = factors.get(weight.name());
        if (change == null) {
            return weight;
        }
        if (!weight.shape().equals(Shape.of(change.out, change.in))) {
            throw new FormatException(path, "is for another model: it changes " + weight.name() + " as ["
                    + change.out + ", " + change.in + "], the model has " + weight.shape());
        }
        return merged(weight, change);
    }

    private TensorSource merged(TensorSource weight, Factors change) {
        WeightCodec codec = WeightCodec.of(weight.dtype()).orElseThrow(() -> new FormatException(path,
                weight.name() + " is " + weight.dtype() + ", which has no decoder"));
        return new Merged(weight, codec, change, scale);
    }

    /** As {@link #apply}, but F32 in any case: for matrices that must be of one type with another. */
    TensorSource applyOrWiden(TensorSource weight) {
        Factors none = new Factors(new float[0], new float[0], 0, weight.shape().size(1), weight.shape().size(0));
        return changes(weight.name()) ? apply(weight) : merged(weight, none);
    }

    /** Whether it changes the matrix of this name. */
    boolean changes(String name) {
        return factors.containsKey(name);
    }

    /** Refuses an adapter for matrices that a model does not have. */
    void checkNames(Checkpoint model) {
        for (String name : factors.keySet()) {
            if (model.find(name).isEmpty()) {
                throw new FormatException(path, "is for another model: it changes " + name + ", which " + model.path()
                        + " does not have");
            }
        }
    }

    /** W + scale · B · A, worked out row by row when it is read. */
    private record Merged(TensorSource weight, WeightCodec codec, Factors change, float scale) implements TensorSource {
        @Override
        public String name() {
            return weight.name();
        }

        @Override
        public DType dtype() {
            return DType.F32;
        }

        @Override
        public Shape shape() {
            return weight.shape();
        }

        @Override
        public Tensor map() {
            Tensor whole = Tensor.allocate(Arena.ofAuto(), DType.F32, shape());
            read(0, whole.segment());
            return whole;
        }

        @Override
        public void read(long offset, MemorySegment target) {
            long rowBytes = (long) change.in * Float.BYTES;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment encoded = arena.allocate(weight.dtype().byteSize(change.in), Tensor.ALIGNMENT);
                MemorySegment row = arena.allocate(rowBytes, Tensor.ALIGNMENT);
                for (long done = 0; done < target.byteSize(); ) {
                    long index = (offset + done) / rowBytes;
                    long inRow = (offset + done) % rowBytes;
                    merge((int) index, encoded, row);
                    long length = Math.min(rowBytes - inRow, target.byteSize() - done);
                    MemorySegment.copy(row, inRow, target, done, length);
                    done += length;
                }
            }
        }

        private void merge(int index, MemorySegment encoded, MemorySegment row) {
            weight.read(index * encoded.byteSize(), encoded);
            codec.decode(encoded, 0, row, 0, change.in);
            for (int k = 0; k < change.rank; k++) {
                float factor = scale * change.b[index * change.rank + k];
                int from = k * change.in;
                for (int i = 0; i < change.in; i++) {
                    float value = row.getAtIndex(FLOAT, i) + factor * change.a[from + i];
                    row.setAtIndex(FLOAT, i, value);
                }
            }
        }
    }
}
