package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a step costs in memory once a run has settled. */
class SteadyRunTest {
    private static final int WARM = 600;
    private static final int STEPS = 1000;
    private static final long MEGABYTE = 1 << 20;

    @TempDir
    Path folder;

    @Test
    void aStepAllocatesLittleAndNativeMemoryDoesNotGrow() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        TrainingConfig config = SmallRun.config(SmallRun.text(folder)).steps(WARM + STEPS).evalEvery(WARM + STEPS)
                .saveEvery(WARM + STEPS).build();
        long[] heap = new long[2];
        long[] resident = new long[2];
        try (Trainer trainer = Trainer.begin(config, folder.resolve("run"), SmallRun.THREADS)) {
            trainer.run(new TrainingListener() {
                @Override
                public void updated(long step, double loss, double rate, double norm, double speed) {
                    int when = step == WARM ? 0 : step == WARM + STEPS - 1 ? 1 : -1;
                    if (when >= 0) {
                        heap[when] = threads.getTotalThreadAllocatedBytes();
                        resident[when] = residentBytes();
                    }
                }
            });
        }
        assertThat((heap[1] - heap[0]) / STEPS).as("heap bytes a step").isLessThan(MEGABYTE);
        // The Java heap itself may grow meanwhile; activations of one step are 2 MB here, so a leak would be gigabytes.
        assertThat(resident[1] - resident[0]).as("resident bytes").isLessThan(200 * MEGABYTE);
    }

    private static long residentBytes() {
        try {
            Path status = Path.of("/proc/self/statm");
            return Files.exists(status) ? Long.parseLong(Files.readString(status).split(" ")[1]) * 4096 : 0;
        } catch (IOException unreadable) {
            return 0;
        }
    }
}
