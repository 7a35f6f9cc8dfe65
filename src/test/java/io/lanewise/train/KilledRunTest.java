package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A JVM that saves after every update is killed at random moments: its last checkpoint always loads. */
class KilledRunTest {
    @TempDir
    Path folder;

    /** The child: trains until it is killed. */
    public static void main(String[] args) {
        Path run = Path.of(args[0]);
        Path text = Path.of(args[1]);
        TrainingConfig config = SmallRun.config(text).layers(1).width(16).heads(2).kvHeads(0).context(8).batch(1)
                .steps(1_000_000).saveEvery(1).evalEvery(3).evalBatches(1).build();
        try (Trainer trainer = new RunFolder(run).isUsed() ? Trainer.resume(run, 1) : Trainer.begin(config, run, 1)) {
            trainer.run(TrainingListener.NONE);
        }
    }

    @Test
    @Timeout(120)
    void threeKillsLeaveACheckpointThatLoads() throws Exception {
        killAndLoad(3);
    }

    @Test
    @Tag("slow")
    @Timeout(1200)
    void aHundredKillsLeaveACheckpointThatLoads() throws Exception {
        killAndLoad(100);
    }

    private void killAndLoad(int kills) throws Exception {
        Path text = SmallRun.text(folder);
        Path run = folder.resolve("run");
        Random random = new Random(4);
        long lastStep = 0;
        for (int kill = 0; kill < kills; kill++) {
            Process child = start(run, text);
            try {
                awaitSaves(child, run.resolve("last"), 2);
                Thread.sleep(random.nextInt(60), random.nextInt(1_000_000));
            } finally {
                child.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
            }
            try (Trainer trainer = Trainer.resume(run, 1)) {
                assertThat(trainer.stepsDone()).as("after kill %d", kill).isGreaterThanOrEqualTo(lastStep);
                lastStep = trainer.stepsDone();
                assertThat(trainer.evaluate().meanLoss()).isBetween(0.0, 4.0);
            }
        }
        assertThat(lastStep).isGreaterThanOrEqualTo(2L * kills);
    }

    private static Process start(Path run, Path text) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return new ProcessBuilder(List.of(java, "--add-modules", "jdk.incubator.vector", "-cp",
                System.getProperty("java.class.path"), KilledRunTest.class.getName(), run.toString(), text.toString()))
                .redirectErrorStream(true).redirectOutput(run.resolveSibling("child.log").toFile()).start();
    }

    /** Waits for this child's saves, so that the kill falls among its writes and not into its start. */
    private static void awaitSaves(Process child, Path last, int saves) throws Exception {
        Object seen = identity(last);
        int left = saves;
        for (int wait = 0; wait < 30_000 && left > 0; wait++) {
            Object now = identity(last);
            if (now != null && !now.equals(seen)) {
                seen = now;
                left--;
            }
            assertThat(child.isAlive()).as("the child lives").isTrue();
            Thread.sleep(1);
        }
        assertThat(left).as("saves that did not come in time").isZero();
    }

    /** Another after each save; null while there is none. */
    private static Object identity(Path last) {
        try {
            return Files.getLastModifiedTime(last);
        } catch (IOException betweenRenames) {
            return null;
        }
    }
}
