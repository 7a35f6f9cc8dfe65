package io.lanewise.format;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens files that may be damaged, and looks at what that costs. */
final class Opening {
    /** Heap that opening may take beyond the file's size: buffers, messages, and loading the parser's classes once. */
    private static final long FIXED_BYTES = 8 << 20;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Opening() {
    }

    /** The problem that opening finds, or null where the file opens; then everything in it has been touched. */
    static FormatException problem(Path path) {
        return problem(path, path.getFileName().toString());
    }

    /** As above; messages name the file or folder {@code mentioned}. */
    static FormatException problem(Path path, String mentioned) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            checkAllocation(path, before);
            Walk.everything(checkpoint);
            return null;
        } catch (FormatException refused) {
            checkAllocation(path, before);
            assertThat(refused.getMessage()).doesNotContain("\n", "\r").contains(mentioned)
                    .hasSizeLessThan(1000);
            return refused;
        }
    }

    private static void checkAllocation(Path path, long before) {
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        try {
            long size = Files.isRegularFile(path) ? Files.size(path) : 0;
            if (allocated > size + FIXED_BYTES) {
                throw new AssertionError(path + " of " + size + " bytes made us allocate " + allocated);
            }
        } catch (IOException failed) {
            throw new AssertionError(failed);
        }
    }
}
