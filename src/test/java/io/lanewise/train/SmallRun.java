package io.lanewise.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** A run so small that a step takes under a millisecond, on a text that can be learnt. */
final class SmallRun {
    static final int THREADS = 2;

    private SmallRun() {
    }

    static Path text(Path folder) {
        Random random = new Random(11);
        StringBuilder text = new StringBuilder();
        String[] words = {"the", "cat", "sat", "on", "a", "mat", "and", "ate", "one", "rat"};
        while (text.length() < 8000) {
            text.append(words[random.nextInt(words.length)]).append(random.nextInt(8) == 0 ? ".\n" : " ");
        }
        try {
            return Files.writeString(folder.resolve("text.txt"), text);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    static TrainingConfig.Builder config(Path text) {
        return TrainingConfig.builder().text(text).vocabulary(TrainingConfig.VocabularyKind.CHARS).layers(2).width(32)
                .heads(4).kvHeads(2).context(16).batch(4).steps(24).warmup(4).learningRate(3e-3, 1e-4).evalEvery(6)
                .evalBatches(3);
    }
}
