package io.lanewise.format;

import io.lanewise.tensor.Tensor;
import io.lanewise.tensor.TensorSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Touches all that a checkpoint has. */
final class Walk {
    private Walk() {
    }

    /** Decodes all metadata, maps every tensor, reads its first and last bytes both ways; returns the things seen. */
    static int everything(Checkpoint checkpoint) {
        int seen = checkpoint.metadata().asMap().size();
        for (TensorSource source : checkpoint.tensors()) {
            Tensor tensor = source.map();
            MemorySegment bytes = tensor.segment();
            if (bytes.byteSize() != source.dtype().byteSize(source.shape().elements())) {
                throw new AssertionError(source + " has " + bytes.byteSize() + " bytes");
            }
            if (bytes.byteSize() > 0) {
                compare(source, bytes, 0);
                compare(source, bytes, bytes.byteSize() - 1);
            }
            seen++;
        }
        return seen;
    }

    private static void compare(TensorSource source, MemorySegment mapped, long offset) {
        byte[] read = new byte[1];
        source.read(offset, MemorySegment.ofArray(read));
        if (read[0] != mapped.get(ValueLayout.JAVA_BYTE, offset)) {
            throw new AssertionError(source + ": byte " + offset + " differs between read and map");
        }
    }
}
