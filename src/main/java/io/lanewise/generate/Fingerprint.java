package io.lanewise.generate;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.Metadata;
import io.lanewise.tensor.DType;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Tells models apart: a hash of their sizes, of all tensors' names, types and shapes, and of a few bytes out of each.
 * Two models of one shape that were trained apart differ in almost all bytes, so a few will do, and none needs reading
 * as a whole.
 */
final class Fingerprint {
    /** Bytes read at the beginning, the middle and the end of a tensor. */
    private static final int SAMPLE = 64;

    private final MessageDigest digest;

    private Fingerprint() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /**
     * The fingerprint of a model as it was loaded.
     *
     * @param checkpoint the model as it is in its file
     * @param type what it was converted to, or null
     * @param lora adapters that its weights were changed by, or null
     */
    static String of(Checkpoint checkpoint, DType type, Path lora) {
        Fingerprint print = new Fingerprint();
        print.take(checkpoint);
        print.take(String.valueOf(type));
        if (lora != null) {
            try (Checkpoint adapters = Checkpoint.open(lora)) {
                print.take(adapters);
            }
        }
        return HexFormat.of().formatHex(print.digest.digest(), 0, 16);
    }

    private void take(Checkpoint checkpoint) {
        Metadata metadata = checkpoint.metadata();
        String sizes = metadata.string("general.architecture", "") + ".";
        metadata.keys().stream().filter(key -> key.startsWith(sizes)).forEach(key -> take(key + '=' + metadata.value(key)));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sample = arena.allocate(SAMPLE, 64);
            for (TensorSource tensor : checkpoint.tensors()) {
                take(tensor.name() + ' ' + tensor.dtype() + ' ' + tensor.shape());
                take(tensor, sample);
            }
        }
    }

    private void take(TensorSource tensor, MemorySegment sample) {
        long bytes = tensor.dtype().byteSize(tensor.shape().elements());
        MemorySegment part = sample.asSlice(0, Math.min(SAMPLE, bytes));
        long last = bytes - part.byteSize();
        for (long offset : new long[] {0, last / 2, last}) {
            tensor.read(offset, part);
            digest.update(part.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private void take(String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
    }
}
