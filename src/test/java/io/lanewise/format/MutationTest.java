package io.lanewise.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Good files with random damage: each is refused with a {@link FormatException}, or opens and can be read through. */
class MutationTest {
    private static final long[] EVIL = {0, 1, -1, 2, 4, 9, 31, 255, 65_536, Integer.MAX_VALUE, Integer.MIN_VALUE,
        1L << 32, 1L << 60, 1L << 61, Long.MAX_VALUE, Long.MIN_VALUE};

    @TempDir
    Path folder;

    @Test
    void twentyThousandDamagedGgufFiles() throws IOException {
        gguf(20_000, 1);
    }

    @Test
    void fiveThousandDamagedSafetensorsFiles() throws IOException {
        safetensors(5_000, 2);
    }

    @Test
    void twoThousandDamagedIndexes() throws IOException {
        index(2_000, 3);
    }

    /** Other files at every run; a failure names the seed. */
    @Test
    @Tag("slow")
    void twoHundredThousandMoreDamagedFiles() throws IOException {
        gguf(140_000, System.nanoTime());
        safetensors(40_000, System.nanoTime());
        index(20_000, System.nanoTime());
    }

    private void gguf(int count, long seed) throws IOException {
        Path file = folder.resolve("good.gguf");
        Samples.small().write(file);
        int opened = run(file, folder.resolve("bad.gguf"), folder.resolve("bad.gguf"), count, seed);
        assertThat(opened).isBetween(count / 100, count / 2);
    }

    private void safetensors(int count, long seed) throws IOException {
        Path file = folder.resolve("good.safetensors");
        Samples.safetensors().write(file);
        int opened = run(file, folder.resolve("bad.safetensors"), folder.resolve("bad.safetensors"), count, seed);
        assertThat(opened).isBetween(count / 100, count / 2);
    }

    private void index(int count, long seed) throws IOException {
        Samples.safetensors().write(folder.resolve("model-1.safetensors"));
        Path good = Files.writeString(folder.resolve("good.json"), """
                {"metadata": {"total_size": 20}, "weight_map": {"w": "model-1.safetensors", "ids":
                "model-1.safetensors", "half": "model-1.safetensors"}}
                """);
        Path bad = folder.resolve("bad.index.json");
        assertThat(run(good, bad, folder, count, seed)).isBetween(count / 100, count / 2);
    }

    private static int run(Path good, Path bad, Path mentioned, int count, long seed) throws IOException {
        byte[] bytes = Files.readAllBytes(good);
        Random random = new Random(seed);
        int opened = 0;
        for (int i = 0; i < count; i++) {
            byte[] damaged = damage(bytes, random);
            Files.write(bad, damaged);
            try {
                FormatException problem = Opening.problem(bad, mentioned.getFileName().toString());
                opened += problem == null ? 1 : 0;
            } catch (RuntimeException | Error unexpected) {
                throw new AssertionError("seed " + seed + ", file " + i, unexpected);
            }
        }
        return opened;
    }

    /** One to four of: bytes and words changed, a piece removed, doubled or moved, the end cut off. */
    private static byte[] damage(byte[] good, Random random) {
        byte[] bytes = good.clone();
        int times = 1 + random.nextInt(4);
        for (int i = 0; i < times; i++) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(8)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt(256);
                case 2, 3 -> put(bytes, at, 8, EVIL[random.nextInt(EVIL.length)]);
                case 4 -> put(bytes, at, 4, EVIL[random.nextInt(EVIL.length)]);
                case 5 -> put(bytes, at, 8, random.nextInt(2 * bytes.length));
                case 6 -> {
                    int from = random.nextInt(bytes.length);
                    int length = random.nextInt(Math.min(64, bytes.length - Math.max(at, from)));
                    System.arraycopy(bytes, from, bytes, at, length);
                }
                default -> bytes = random.nextInt(4) > 0 ? bytes : Arrays.copyOf(bytes, Math.max(1, at));
            }
        }
        return bytes;
    }

    private static void put(byte[] bytes, int at, int width, long value) {
        ByteBuffer word = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
        System.arraycopy(word.array(), 0, bytes, at, Math.min(width, bytes.length - at));
    }
}
