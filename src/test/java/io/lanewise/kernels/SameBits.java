package io.lanewise.kernels;

import io.lanewise.parallel.ComputePool;
import io.lanewise.parallel.Team;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.Shape;
import io.lanewise.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.zip.CRC32;

/** Every kernel that adds up lanes, run on fixed numbers; prints a checksum of the bits of each result. */
final class SameBits {
    private static final int N = 200;

    private SameBits() {}

    public static void main(String[] args) {
        checksums().forEach((name, sum) -> System.out.println(name + " " + sum));
    }

    static Map<String, Long> checksums() {
        Map<String, Long> sums = new TreeMap<>();
        try (Arena arena = Arena.ofShared(); ComputePool pool = new ComputePool(1)) {
            MemorySegment x = numbers(arena, 64 * N);
            MemorySegment w = numbers(arena, 64 * N);
            MemorySegment y = arena.allocate(4L * 64 * N, 64);
            rows(sums, x, w, y);
            for (DType type : new DType[] {DType.F32, DType.F16, DType.Q8_0}) {
                attention(sums, arena, pool.newTeam(), type, x, w, y);
            }
            matmul(sums, arena, pool, x, y);
        }
        return sums;
    }

    private static void rows(Map<String, Long> sums, MemorySegment x, MemorySegment w, MemorySegment y) {
        Norm.rms(x, 0, w, y, 0, N, 1e-5f);
        sums.put("rms", sum(y, N));
        Norm.layer(x, 0, w, x, y, 0, N, 1e-5f);
        sums.put("layer", sum(y, N));
        Elementwise.copy(x, 0, y, 0, N);
        Softmax.row(y, 0, N);
        sums.put("softmax", sum(y, N));
        CrossEntropy.stats(x, 0, N, y, 0);
        sums.put("crossEntropy", sum(y, 2));
        Floats.set(y, 0, NormTraining.dot(x, 0, w, 0, N));
        sums.put("dot", sum(y, 1));
        Elementwise.geluErf(x, 0, y, 0, N);
        sums.put("geluErf", sum(y, N));
        Elementwise.siluMul(x, 0, w, 0, y, 0, N);
        sums.put("siluMul", sum(y, N));
    }

    private static void attention(Map<String, Long> sums, Arena arena, Team team, DType type, MemorySegment x,
            MemorySegment w, MemorySegment y) {
        KvBuffer kv = new KvBuffer(arena, type, 130, 1, 48, 48);
        kv.append(0, 130, x, 0, 48, w, 0, 48);
        Attention attention = new Attention(arena, team, 20, 2, 1, 48, 48);
        AttentionMask mask = new AttentionMask(true, 0, 20, 0.3f);
        for (int rows : new int[] {1, 3, 20}) {
            attention.forward(w, 0, 96, rows, 130 - rows, kv, 130, mask, y, 0, 96);
            sums.put("attention of " + rows + " over " + type, sum(y, rows * 96));
        }
    }

    private static void matmul(Map<String, Long> sums, Arena arena, ComputePool pool, MemorySegment x, MemorySegment y) {
        Tensor weights = Tensor.allocate(arena, DType.F32, Shape.of(40, N));
        MemorySegment.copy(x, 0, weights.segment(), 0, 4L * 40 * N);
        PackedMatrix packed = PackedMatrix.pack(pool, arena, weights);
        Matmul matmul = new Matmul(arena, pool.newTeam(), 5, N);
        for (int rows : new int[] {1, 5}) {
            matmul.begin(x, 0, N, rows, N);
            matmul.add(packed, null, Activation.GELU_TANH, false, y, 0, 40);
            matmul.run();
            sums.put("matmul of " + rows, sum(y, rows * 40));
        }
    }

    private static MemorySegment numbers(Arena arena, int n) {
        SplittableRandom random = new SplittableRandom(n);
        MemorySegment x = arena.allocate(4L * n, 64);
        for (int i = 0; i < n; i++) {
            Floats.set(x, i, (float) random.nextGaussian());
        }
        return x;
    }

    private static long sum(MemorySegment x, int n) {
        CRC32 crc = new CRC32();
        crc.update(x.asSlice(0, 4L * n).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        return crc.getValue();
    }
}
