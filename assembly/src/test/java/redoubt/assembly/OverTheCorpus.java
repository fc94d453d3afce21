package redoubt.assembly;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** Tests that read the corpus: unpacked once for all tests of a class, and a rig to assemble it with. */
abstract class OverTheCorpus {

    @TempDir
    static Path unpacked;

    static Corpus corpus;
    static Rig rig;

    @BeforeAll
    static void findTheCorpus() {
        Assumptions.assumeTrue(Corpus.root().isPresent(), Corpus.SKIPPED);
        corpus = new Corpus(unpacked);
        rig = new Rig();
    }

    @AfterAll
    static void close() {
        if (rig != null) {
            rig.close();
            rig = null;
        }
    }

    /** The cases whose names begin so; where there is no corpus, one that stands for being skipped. */
    static List<String> casesCalled(String beginning) {
        List<String> names = Corpus.names(beginning);
        return names.isEmpty() ? List.of("no corpus") : names;
    }
}
