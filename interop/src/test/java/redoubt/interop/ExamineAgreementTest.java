package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * {@code redoubt examine --json} and {@code mdadm --examine} say the same of the same disk. Both look at loop devices, whose
 * names mdadm takes for their serials. The corpus was made on disks with other names, so there mdadm does not know which
 * slot it looks at; all else it shows.
 */
@Interop
class ExamineAgreementTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long IMAGE_BYTES = 24 << 20;

    @BeforeAll
    static void needsMdadm() {
        Peer.require(Peer.MDADM, Peer.LOSETUP);
    }

    static List<Corpus.Case> cases() {
        return Corpus.casesOrWhatIsMissing("imsm-");
    }

    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("cases")
    void ofWhatLinuxMade(Corpus.Case one) {
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.over(one.unpackInto(scratch.folder()), 512)) {
            assertAgree(Redoubt.in(scratch), loops, false);
        }
    }

    static List<Corpus.Case> casesOfMd() {
        return Corpus.casesOrWhatIsMissing("md");
    }

    /** Goal: the same of md's own metadata, which knows neither containers nor serials. */
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @MethodSource("casesOfMd")
    void ofWhatMdMade(Corpus.Case one) {
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.over(one.unpackInto(scratch.folder()), 512)) {
            assertAgree(Redoubt.in(scratch), loops, false, one.name().startsWith("md09") ? 18 : 20);
        }
    }

    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @EnumSource
    void ofWhatRedoubtMade(Level level) {
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.make(scratch, level.members, 512)) {
            Redoubt redoubt = Redoubt.in(scratch);
            create(redoubt, loops, "v", level);
            assertAgree(redoubt, loops, true);
        }
    }

    /** Goal: a dirty volume is told alike. Method: SIGKILL after a write; a later clean stop proves no parity, so it stays dirty. */
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "RAID0")
    void ofWhatRedoubtLeftDirty(Level level) {
        Peer.require(Peer.QEMU_IO);
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.make(scratch, level.members, 512)) {
            Redoubt redoubt = Redoubt.in(scratch);
            create(redoubt, loops, "v", level, "--assume-clean");
            try (RedoubtProcess served = redoubt.serve(loops.disks())) {
                write(served);
                served.kill();
            }
            assertAgree(redoubt, loops, true);
            try (RedoubtProcess served = redoubt.serve(loops.disks())) {
                write(served);
                served.stop().mustSucceed();
            }
            assertAgree(redoubt, loops, true);
        }
    }

    /** Goal: a degraded volume is told alike, clean and dirty, also by the member that was away and is stale. */
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "RAID0")
    void ofWhatRedoubtLeftDegraded(Level level) {
        Peer.require(Peer.QEMU_IO);
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.make(scratch, level.members, 512)) {
            Redoubt redoubt = Redoubt.in(scratch);
            create(redoubt, loops, "v", level, "--assume-clean");
            List<String> words = new ArrayList<>(List.of("--allow-degraded"));
            words.addAll(loops.disks().subList(1, level.members));
            try (RedoubtProcess served = redoubt.serve(words)) {
                write(served);
                served.stop().mustSucceed();
            }
            assertAgree(redoubt, loops, true);
            try (RedoubtProcess served = redoubt.serve(words)) {
                write(served);
                served.kill();
            }
            assertAgree(redoubt, loops, true);
        }
    }

    private static void write(RedoubtProcess served) {
        Peer.QEMU_IO
                .command("-f", "raw", "-c", "write -f 0 64k", served.uri("v"))
                .run()
                .mustSucceed();
    }

    @Test
    void ofTwoVolumesInOneContainer() {
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.make(scratch, 2, 512)) {
            Redoubt redoubt = Redoubt.in(scratch);
            create(redoubt, loops, "v", Level.RAID1, "--size", "6M");
            create(redoubt, loops, "w", Level.RAID0);
            assertAgree(redoubt, loops, true);
        }
    }

    /** Goal: a slot that was empty from the start is told alike by all who are there. */
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "RAID0")
    void ofAMemberThatWasMissingFromTheStart(Level level) {
        for (int missing = 0; missing < level.members; missing += level.members - 1) {
            try (Scratch scratch = Scratch.make();
                    Loops loops = Loops.make(scratch, level.members - 1, 512)) {
                Redoubt redoubt = Redoubt.in(scratch);
                List<String> words = createWords("v", level);
                words.addAll(loops.disks());
                words.add(words.size() - loops.disks().size() + missing, "missing");
                redoubt.command(words).run().mustSucceed();
                assertAgree(redoubt, loops, true);
            }
        }
    }

    /** Goal: members are told alike with a spare beside them, and the spare itself, which has a block of its own. */
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void ofAContainerWithASpare(int sectorBytes) {
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.make(scratch, 3, sectorBytes)) {
            Redoubt redoubt = Redoubt.in(scratch);
            List<String> words = createWords("v", Level.RAID1);
            words.addAll(List.of("--spare", loops.disks().get(2)));
            words.addAll(loops.disks().subList(0, 2));
            redoubt.command(words).run().mustSucceed();
            assertAgree(redoubt, loops, true, 6);
        }
    }

    /** Disks with sectors of 4096 bytes count nearly everything in these. */
    @Execution(ExecutionMode.CONCURRENT)
    @ParameterizedTest
    @EnumSource
    void ofDisksWithLargeSectors(Level level) {
        try (Scratch scratch = Scratch.make();
                Loops loops = Loops.make(scratch, level.members, 4096)) {
            Redoubt redoubt = Redoubt.in(scratch);
            create(redoubt, loops, "v", level);
            assertAgree(redoubt, loops, true);
        }
    }

    private static void create(Redoubt redoubt, Loops loops, String volume, Level level, String... more) {
        List<String> words = createWords(volume, level);
        words.addAll(List.of(more));
        words.addAll(loops.disks());
        redoubt.command(words).run().mustSucceed();
    }

    private static List<String> createWords(String volume, Level level) {
        return new ArrayList<>(List.of("create", volume, "--metadata", "imsm", "--level", level.number, "--yes"));
    }

    private static void assertAgree(Redoubt redoubt, Loops loops, boolean withSerials) {
        assertAgree(redoubt, loops, withSerials, 11);
    }

    private static void assertAgree(Redoubt redoubt, Loops loops, boolean withSerials, int fields) {
        List<String> words = new ArrayList<>(List.of("examine", "--json"));
        words.addAll(withSerials ? loops.disks() : loops.paths());
        JsonNode ours = JSON.readTree(redoubt.command(words).run().mustSucceed().out());
        for (int i = 0; i < loops.devices().size(); i++) {
            String device = loops.devices().get(i).serial();
            Outcome examined = Peer.MDADM
                    .command("--examine", device)
                    .env("IMSM_NO_PLATFORM", "1")
                    .env("IMSM_DEVNAME_AS_SERIAL", "1")
                    .run()
                    .mustSucceed();
            int compared = ExamineComparison.assertAgree(
                    device,
                    MdadmExamine.parse(examined.out()),
                    ours.get("examined").get(i),
                    loops.sectorBytes());
            assertThat(compared).as("fields that both show of " + device).isGreaterThanOrEqualTo(fields);
        }
    }

    /** Loop devices over images, for as long as it is open. */
    private record Loops(List<LoopDevice> devices, int sectorBytes) implements AutoCloseable {
        static Loops make(Scratch scratch, int members, int sectorBytes) {
            List<Path> images = new ArrayList<>();
            for (int member = 0; member < members; member++) {
                images.add(scratch.sparse("disk" + member, IMAGE_BYTES));
            }
            return over(images, sectorBytes);
        }

        static Loops over(List<Path> images, int sectorBytes) {
            Loops loops = new Loops(new ArrayList<>(), sectorBytes);
            try {
                images.forEach(image -> loops.devices.add(LoopDevice.attach(image, sectorBytes)));
                return loops;
            } catch (RuntimeException e) {
                loops.close();
                throw e;
            }
        }

        List<String> paths() {
            return devices.stream().map(LoopDevice::serial).toList();
        }

        List<String> disks() {
            return devices.stream()
                    .map(d -> d.device() + ",serial=" + d.serial())
                    .toList();
        }

        @Override
        public void close() {
            devices.forEach(LoopDevice::close);
        }
    }
}
