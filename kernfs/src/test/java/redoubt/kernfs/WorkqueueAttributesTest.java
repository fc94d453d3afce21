package redoubt.kernfs;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import redoubt.workqueue.SystemQueue;
import redoubt.workqueue.Waits;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueFlag;
import redoubt.workqueue.WorkqueuePlan;

/** What can be seen of workqueues in the tree, while they work, in a famine, and when they come and go. */
class WorkqueueAttributesTest {

    private final Starving house = new Starving();
    private final KernfsDirectory root = KernfsDirectory.root();
    private final Workqueue flush =
            house.queues.create(WorkqueuePlan.named("flush/1", WorkqueueFlag.UNBOUND, WorkqueueFlag.MEM_RECLAIM)
                    .maxActive(4)
                    .declaring(Waits.on("lane", "beat").neededBy("write")));
    private final WorkqueueAttributes attributes = new WorkqueueAttributes("workqueue", house.queues::view);

    WorkqueueAttributesTest() throws NodeRefused {
        root.add(attributes.directory());
    }

    @AfterEach
    void close() {
        house.close();
    }

    private String read(String path) throws NodeRefused {
        try (OpenFile file = root.attribute("workqueue/" + path).open(Access.READ)) {
            ByteBuffer target = ByteBuffer.allocate(4096);
            assertThat(file.read(0, target)).as(path).isNotEqualTo(OpenFile.REFUSED);
            return StandardCharsets.UTF_8.decode(target.flip()).toString().strip();
        }
    }

    @Test
    void queuesAndPoolsAreShownInTheirOwnWords() throws Exception {
        assertThat(read("queues/flush!1/flags")).isEqualTo("mem_reclaim unbound");
        assertThat(read("queues/flush!1/max_active")).isEqualTo("4");
        assertThat(read("queues/flush!1/rescuer")).isEqualTo("1");
        assertThat(read("queues/flush!1/waits_for")).isEqualTo("beat, lane");
        assertThat(read("queues/flush!1/needed_by")).isEqualTo("write");
        assertThat(read("queues/events/flags")).isEqualTo("percpu");
        assertThat(read("pools/pool-0/cpu")).isEqualTo("0");
        assertThat(read("pools/pool-0-high/nice")).isEqualTo("-20");
    }

    @Test
    void whatWorksIsCountedWhileItWorks() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        flush.queue(new WorkItem(() -> {
            inside.countDown();
            KernfsInvariants.await(letGo);
        }));
        KernfsInvariants.await(inside);
        assertThat(read("queues/flush!1/active")).isEqualTo("1");
        assertThat(read("queues/flush!1/in_flight")).isEqualTo("1");
        letGo.countDown();
        assertThat(flush.flush(SECONDS.toNanos(30))).isTrue();
        assertThat(read("queues/flush!1/active")).isEqualTo("0");
    }

    @Test
    void aFamineIsSeen() throws Exception {
        house.begin();
        WorkItem item = new WorkItem(() -> {});
        house.queues.system(SystemQueue.PERCPU).queueOn(0, item);
        while (read("pools/pool-0/failures").equals("0")) {
            Thread.onSpinWait();
        }
        assertThat(read("pools/pool-0/managing")).isEqualTo("1");
        assertThat(read("pools/pool-0/idle")).isEqualTo("0");
        assertThat(read("pools/pool-0/waiting")).isEqualTo("1");
        house.end();
        assertThat(item.flush(SECONDS.toNanos(30))).isTrue();
    }

    @Test
    void whatComesAndGoesIsSeenAfterARefresh() throws Exception {
        Workqueue late = house.queues.create(WorkqueuePlan.named("late"));
        assertThat(root.find("workqueue/queues")).isNotNull();
        attributes.refresh();
        assertThat(read("queues/late/rescuer")).isEqualTo("0");
        OpenFile open = root.attribute("workqueue/queues/late/active").open(Access.READ);
        late.close();
        assertThat(open.read(0, ByteBuffer.allocate(16))).isEqualTo(OpenFile.REFUSED);
        assertThat(open.refusal().errno()).isEqualTo(Errno.ENODEV);
        attributes.refresh();
        assertThat(((KernfsDirectory) root.find("workqueue/queues")).child("late"))
                .isEmpty();
        assertThat(read("queues/flush!1/max_active")).isEqualTo("4");
    }
}
