package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.lanewise.format.Checkpoint;
import io.lanewise.format.GgufWriter;
import io.lanewise.tokenizer.Vocabulary;
import io.lanewise.tokenizer.VocabularyTrainer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VocabularyWriterTest {
    @TempDir
    Path folder;

    @Test
    void whatIsWrittenReadsBack() {
        assertSame(VocabularyTrainer.byteLevelBpe(List.of("low low lower lowest é\n"), 260));
        assertSame(VocabularyTrainer.characters(List.of("no merges here"), true));
    }

    @Test
    void everyFieldReadsBack() {
        assertSame(Vocabulary.builder("llama", List.of("a", "b", "c", "d")).scores(new float[] {1, 2, 3, 4})
                .types(new int[] {1, 2, 3, 6}).bos(0).eos(1).unk(2).sep(3).pad(0).cls(1).mask(2).eot(3).eom(0)
                .addBos(true).addEos(false).addSep(true).addSpacePrefix(false).lowercase(true).stripAccents(false)
                .build());
    }

    private void assertSame(Vocabulary vocabulary) {
        GgufWriter out = new GgufWriter();
        VocabularyWriter.write(vocabulary, out);
        Path file = folder.resolve("vocabulary.gguf");
        out.write(file);
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(VocabularyReader.read(checkpoint.metadata())).usingRecursiveComparison().isEqualTo(vocabulary);
        }
    }
}
