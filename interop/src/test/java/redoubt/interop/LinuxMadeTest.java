package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Redoubt reads what Linux wrote, here with arrays made on the spot; those of the corpus are in {@link CorpusCopyTest}. The
 * first half of each test is also the proof that the guest can judge: mdadm creates the array, md runs it under mdmon, and
 * it survives being stopped and assembled again.
 */
@Interop
class LinuxMadeTest {
    private static final long IMAGE_BYTES = 24 << 20;
    private static final long CONTENT_BYTES = 18 << 20;

    @ParameterizedTest
    @EnumSource
    @Execution(ExecutionMode.CONCURRENT)
    void redoubtReadsWhatLinuxMadeAndStopped(Level level, LinuxGuest guest) {
        try (Scratch scratch = Scratch.make()) {
            List<Path> images = IntStream.range(0, level.members)
                    .mapToObj(member -> scratch.sparse("disk" + member, IMAGE_BYTES))
                    .toList();
            Path content = Content.pattern(scratch.file("content"), CONTENT_BYTES, 1);
            List<Path> disks = new ArrayList<>(images);
            disks.add(content);
            String members = IntStream.range(0, level.members)
                    .mapToObj(LinuxGuest::device)
                    .collect(Collectors.joining(" "));
            String chunk = level == Level.RAID1 ? "" : "--chunk 32";
            Outcome made = guest.runOn(disks, """
                    mdadm --create /dev/md/container --metadata imsm --raid-devices COUNT MEMBERS
                    mdadm --create /dev/md/v --level LEVEL CHUNK --raid-devices COUNT --assume-clean --run /dev/md/container
                    md=$(md_of v)
                    IF_REDUNDANT mdmon_runs
                    dd if=CONTENT of=/dev/$md bs=1M conv=fsync
                    IF_REDUNDANT md_check $md
                    md_stop
                    md_start MEMBERS
                    md=$(md_of v)
                    IF_REDUNDANT mdmon_runs
                    cmp -n BYTES /dev/$md CONTENT
                    IF_REDUNDANT md_check $md
                    sha256sum /dev/$md
                    md_stop
                    for disk in MEMBERS; do mdadm --examine $disk; done""".replace("COUNT", Integer.toString(level.members))
                            .replace("MEMBERS", members)
                            .replace("LEVEL", level.number)
                            .replace("CHUNK", chunk)
                            .replace("BYTES", Long.toString(CONTENT_BYTES))
                            .replace("IF_REDUNDANT ", level.isRedundant ? "" : ": ")
                            .replace("CONTENT", LinuxGuest.device(level.members)))
                    .mustSucceed();

            RedoubtArray array = new RedoubtArray(Redoubt.in(scratch), images);
            assertThat(made.out()).contains(array.copied(scratch, RedoubtArray.VOLUME));
            assertExamineAgrees(made.out(), array);
        }
    }

    /** In the guest mdadm knows each disk by its serial, so it also says which slot it has. */
    private static void assertExamineAgrees(String said, RedoubtArray array) {
        List<String> words = new ArrayList<>(List.of("examine", "--json"));
        words.addAll(array.disks());
        JsonNode ours = new ObjectMapper()
                .readTree(array.redoubt().command(words).run().mustSucceed().out())
                .get("examined");
        for (int member = 0; member < array.images().size(); member++) {
            String device = LinuxGuest.device(member);
            String theirs = said.substring(said.indexOf("\n" + device + ":\n"));
            int end = theirs.indexOf("\n/dev/", 1);
            MdadmExamine examined = MdadmExamine.parse(end < 0 ? theirs : theirs.substring(0, end));
            assertThat(examined.volumes().getFirst().get("This Slot"))
                    .as(device)
                    .isNotEqualTo("?");
            ExamineComparison.assertAgree(device, examined, ours.get(member), 512);
        }
    }
}
