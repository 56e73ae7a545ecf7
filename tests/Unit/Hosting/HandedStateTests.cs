using PgCluster.Agent.Hosting;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pooling;
using PgCluster.Handoff;

namespace PgCluster.Tests.Unit.Hosting;

public sealed class HandedStateTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void What_a_daemon_knew_is_what_its_successor_reads()
    {
        var lease = new PauseLease { Id = "op1", Pooler = "pg01", Holder = "ann", CreatedAt = At, ExpiresAt = At.AddSeconds(25) };
        var memory = new NodeMemory(false, true, false, null, 17, 0);
        var read = HandedState.Read(
            new HandedState(new Dictionary<string, KeptPause> { ["pg01"] = new(lease, new PoolerPause { Id = "op1", Holder = "ann", Since = At }, ["op0"]), ["pg02"] = new(null, null, []) }, memory).ToSnapshot(), "1.0");

        Assert.Equal(memory, read.Node);
        Assert.Equal(lease, read.Pauses["pg01"].Lease);
        Assert.Equal((At, "op0"), (read.Pauses["pg01"].Last!.Since, Assert.Single(read.Pauses["pg01"].Finished)));
        Assert.Null(read.Pauses["pg02"].Lease);
    }

    [Fact]
    public void One_of_a_form_that_is_not_known_here_is_refused_with_both_versions()
    {
        var known = HandedState.Empty.ToSnapshot();
        var newer = Assert.Throws<HandoffRefusedException>(() => HandedState.Read(known with { Version = known.Version + 1 }, "9.0"));

        Assert.Contains("9.0 (form 2, this one reads 1)", newer.Message, StringComparison.Ordinal);
        Assert.Contains("none", Assert.Throws<HandoffRefusedException>(() => HandedState.Read(null, null)).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be read", Assert.Throws<HandoffRefusedException>(() => HandedState.Read(new StateSnapshot(1, "{"u8.ToArray()), "1.0")).Message, StringComparison.Ordinal);
    }
}
