using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Topology;

public sealed class SplitBrainDetectorTests
{
    private readonly SplitBrainDetector _detector = new();

    [Fact]
    public void Two_that_write_all_along_are_reported_once_with_timelines_and_positions()
    {
        Assert.Null(Writes("pg01", 1.0, 1));
        Assert.Null(Writes("pg02", 1.1, 2));
        Assert.Null(Writes("pg01", 2.0, 1));
        var change = Writes("pg02", 2.1, 2);

        Assert.NotNull(change);
        Assert.False(change.Over);
        Assert.Equal(["pg01", "pg02"], change.Writers.Select(w => w.Node));
        Assert.Equal("pg01 accepts writes on timeline 1 at 0/7D0, pg02 accepts writes on timeline 2 at 0/834", change.Evidence);
        Assert.Null(Writes("pg01", 3.0, 1));
        Assert.Null(Writes("pg02", 3.1, 2));
    }

    [Fact]
    public void One_that_was_replaced_between_its_looks_is_not_reported()
    {
        // pg01 is stopped at 2.5, pg02 promoted at 2.6: at no moment do both write, though the last look at pg01 found it writing.
        Assert.Null(Writes("pg01", 1.0, 1));
        Assert.Null(Standby("pg02", 1.1));
        Assert.Null(Writes("pg01", 2.0, 1));
        Assert.Null(Standby("pg02", 2.1));
        Assert.Null(Writes("pg02", 2.7, 2));
        Assert.Null(Silent("pg01", 3.0));
        Assert.Null(Writes("pg02", 3.7, 2));
        Assert.Null(Writes("pg02", 4.7, 2));
        Assert.Null(Standby("pg01", 5.0));
    }

    [Fact]
    public void One_look_at_the_second_is_not_enough()
    {
        Assert.Null(Writes("pg01", 1.0, 1));
        Assert.Null(Writes("pg01", 2.0, 1));
        Assert.Null(Writes("pg02", 2.1, 2));
        Assert.Null(Writes("pg01", 3.0, 1));
        Assert.Null(Standby("pg02", 3.1));
    }

    [Fact]
    public void What_was_asked_before_the_other_answered_proves_nothing()
    {
        // pg01's second answer was long on its way: it was asked before pg02 began to write.
        Assert.Null(Writes("pg01", 1.0, 1));
        Assert.Null(Writes("pg02", 2.5, 2));
        Assert.Null(Take(new ServerLook("pg01", ServerAnswer.Writes, Seconds(2.0), Seconds(2.6), 1, new Lsn(1))));
        Assert.Null(Writes("pg02", 3.5, 2));
        Assert.NotNull(Writes("pg01", 3.7, 1));
    }

    [Fact]
    public void Another_timeline_begins_anew()
    {
        Assert.Null(Writes("pg01", 1.0, 1));
        Assert.Null(Writes("pg02", 1.1, 2));
        Assert.Null(Writes("pg01", 2.0, 1));
        Assert.Null(Writes("pg02", 2.1, 3));
        Assert.NotNull(Writes("pg02", 3.1, 3) ?? Writes("pg01", 3.2, 1));
    }

    [Fact]
    public void It_ends_with_an_answer_or_with_the_second_silence()
    {
        Begin();
        var over = Standby("pg01", 3.0);
        Assert.True(over!.Over);
        Assert.Equal("pg01 is a standby", over.Evidence);
        Assert.Equal(["pg01", "pg02"], over.Writers.Select(w => w.Node));

        Assert.Null(Writes("pg01", 4.0, 1));
        Assert.Null(Writes("pg02", 4.1, 2));
        Assert.NotNull(Writes("pg01", 5.0, 1));
        Assert.Null(Silent("pg02", 5.1));
        over = Silent("pg02", 6.1);
        Assert.True(over!.Over);
        Assert.Equal("pg02 does not answer any more: nothing", over.Evidence);
        Assert.Null(Silent("pg02", 7.1));
    }

    [Fact]
    public void A_single_silence_does_not_end_it()
    {
        Begin();
        Assert.Null(Silent("pg02", 3.1));
        Assert.Null(Writes("pg02", 4.1, 2));
        Assert.True(Standby("pg02", 5.1)!.Over);
    }

    [Fact]
    public void A_third_is_reported_and_its_leaving_too()
    {
        Begin();
        Assert.Null(Writes("pg03", 2.2, 3));
        Assert.Null(Writes("pg01", 3.0, 1));
        Assert.Equal(["pg01", "pg02", "pg03"], Writes("pg03", 3.2, 3)!.Writers.Select(w => w.Node));
        var left = Standby("pg01", 4.0);
        Assert.False(left!.Over);
        Assert.Equal(["pg02", "pg03"], left.Writers.Select(w => w.Node));
        Assert.True(Standby("pg02", 4.1)!.Over);
    }

    [Fact]
    public void One_that_refuses_the_login_is_neither_writer_nor_standby()
    {
        Begin();
        Assert.Null(Refused("pg02", 3.1));
        Assert.True(Refused("pg02", 4.1)!.Over);
    }

    private void Begin()
    {
        Writes("pg01", 1.0, 1);
        Writes("pg02", 1.1, 2);
        Writes("pg01", 2.0, 1);
        Assert.NotNull(Writes("pg02", 2.1, 2));
    }

    private SplitBrainChange? Writes(string node, double at, int timeline) =>
        Take(new ServerLook(node, ServerAnswer.Writes, Seconds(at), Seconds(at + 0.01), timeline, new Lsn((ulong)(at * 1000))));

    private SplitBrainChange? Standby(string node, double at) => Take(new ServerLook(node, ServerAnswer.Standby, Seconds(at), Seconds(at + 0.01)));

    private SplitBrainChange? Silent(string node, double at) => Take(new ServerLook(node, ServerAnswer.Silent, Seconds(at), Seconds(at + 0.01), Detail: "nothing"));

    private SplitBrainChange? Refused(string node, double at) => Take(new ServerLook(node, ServerAnswer.Refused, Seconds(at), Seconds(at + 0.01), Detail: "no"));

    private SplitBrainChange? Take(ServerLook look) => _detector.Take(look);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
