package io.lanewise.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.generate.GenerationOptions;
import io.lanewise.generate.Model;
import io.lanewise.generate.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The model in {@code weights/} that the repository carries: what the issue asks of it, and that it has learnt English. */
class ShippedModelTest {
    private static final Path MODEL = Path.of("weights/lanewise-small.gguf");
    /** Not of its texts, in their language. */
    private static final List<String> LINES = List.of("My lord, the king hath sent for thee this night,",
            "And I must bring thee unto him, or die.", "What, shall the father weep, and not the son?",
            "Then came the people out of all the land,", "And they did eat, and drink, and praise the Lord.");

    @TempDir
    Path folder;

    @Test
    void itIsALlamaOfThreeToEightMillionWeightsInLessThanEightMegabytes() throws IOException {
        assertThat(Files.size(MODEL)).isLessThan(8_000_000);
        try (Model model = Model.load(MODEL)) {
            assertThat(model.config().architecture()).isEqualTo("llama");
            assertThat(model.tokenizer().vocabSize()).isBetween(2048, 4096);
        }
    }

    @Test
    void itGoesOnWithAPlay() {
        try (Model model = Model.load(MODEL); Session session = model.newSession()) {
            StringBuilder text = new StringBuilder();
            session.generate("ROMEO:", GenerationOptions.GREEDY.withMaxTokens(40), piece -> {
                text.append(piece);
                return true;
            });
            assertThat(text.toString()).startsWith("\n").matches("(?s).*[a-z]{2,} [a-z]{2,}.*");
        }
    }

    /** Two bits a byte fewer for sentences than for the same words in another order would be much: half a bit is asked. */
    @Test
    void sentencesAreLikelierThanTheirWordsInAnotherOrder() throws IOException {
        List<String> shuffled = new ArrayList<>();
        for (String line : LINES) {
            List<String> words = new ArrayList<>(List.of(line.split(" ")));
            Collections.reverse(words);
            shuffled.add(String.join(" ", words));
        }
        double sentences = bitsPerByte(LINES);
        assertThat(sentences).isLessThan(2.6).isLessThan(bitsPerByte(shuffled) - 0.5);
    }

    @Test
    void adaptersLearnTwoHundredLinesOfALicence() throws IOException {
        byte[] before = Files.readAllBytes(MODEL);
        List<String> licence = Files.readAllLines(Path.of("LICENSE")).subList(0, 200);
        TrainingConfig config = builder(licence).steps(40).lora(8, 16, "attn_q", "attn_v", "ffn_down").build();
        try (Trainer trainer = Trainer.begin(config, folder.resolve("lora"), 2)) {
            double first = trainer.evaluate().meanLoss();
            trainer.run(TrainingListener.NONE);
            assertThat(trainer.evaluate().meanLoss()).isLessThan(0.85 * first);
        }
        assertThat(Files.readAllBytes(MODEL)).isEqualTo(before);
        assertThat(folder.resolve("lora/adapter.safetensors")).exists();
    }

    private double bitsPerByte(List<String> lines) throws IOException {
        TrainingConfig config = builder(Collections.nCopies(4, String.join("\n", lines))).heldOut(0.5).build();
        Path run = Files.createTempDirectory(folder, "run");
        try (Trainer trainer = Trainer.begin(config, run, 2)) {
            return trainer.evaluate().bitsPerByte();
        }
    }

    private TrainingConfig.Builder builder(List<String> lines) throws IOException {
        Path text = Files.createTempFile(folder, "lines", ".txt");
        Files.write(text, lines);
        return TrainingConfig.builder().text(text).from(MODEL).context(64).batch(4).warmup(5).learningRate(3e-3, 1e-4)
                .evalEvery(1000);
    }
}
