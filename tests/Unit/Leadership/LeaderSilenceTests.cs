using PgCluster.Engine.Leadership;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Leadership;

public sealed class LeaderSilenceTests
{
    private static readonly LeaderTiming Timing = new(TimeSpan.FromSeconds(10));
    private static readonly LeaderRecord Leader = new("pg01", 3, "t1");
    private static readonly LastLeader Last = new("pg01", 3, "t1");

    private readonly FakeTimeProvider _time = new();
    private readonly LeaderSilence _silence;

    public LeaderSilenceTests()
    {
        _silence = new LeaderSilence(_time);
    }

    [Fact]
    public void It_counts_from_the_first_sight_of_the_latest_beat()
    {
        Assert.Equal(Timing.TimeToLive, Over(Beat(5)));
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(6), Over(Beat(5)));

        _silence.Heard(6);
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(TimeSpan.FromSeconds(1), Over(Beat(6)));
        Assert.Equal(TimeSpan.FromSeconds(0.5), _silence.UntilKilled(Leader, Last, Beat(6)));

        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero), (Over(Beat(6)), _silence.UntilKilled(Leader, Last, Beat(6))));
    }

    [Fact]
    public void A_beat_that_was_read_before_a_later_one_was_heard_of_is_no_silence()
    {
        _silence.Heard(5);
        _time.Advance(TimeSpan.FromSeconds(20));
        _silence.Heard(6);
        _time.Advance(TimeSpan.FromSeconds(20));

        Assert.Equal(Timing.TimeToLive, Over(Beat(5)));
        _silence.Heard(5);
        Assert.Equal(TimeSpan.Zero, Over(Beat(6)));
    }

    [Fact]
    public void It_goes_by_the_lease_of_the_leader_and_not_by_its_own()
    {
        Over(Beat(5, ttl: 60));
        _time.Advance(TimeSpan.FromSeconds(50));

        Assert.Equal(TimeSpan.FromSeconds(10), Over(Beat(5, ttl: 60)));
    }

    public static TheoryData<string, string?, bool, string> Uncountable => new()
    {
        { "no beat at all, as with an agent that knows of none", null, false, "t1" },
        { "the beat of a term before", "t0", false, "t1" },
        { "a leader that nothing stops", "t1", true, "t1" },
        { "the last leader is of another term", "t1", false, "t0" },
    };

    [Theory]
    [MemberData(nameof(Uncountable))]
    public void Where_silence_proves_nothing_there_is_none(string why, string? beats, bool unguarded, string last)
    {
        var beat = beats is null ? null : Beat(5, beats);
        var said = Last with { Term = last, Unguarded = unguarded };
        _ = _silence.UntilOver(Leader, said, beat);
        _time.Advance(TimeSpan.FromSeconds(60));

        Assert.True(_silence.UntilOver(Leader, said, beat) is null, why);
        Assert.True(_silence.UntilOver(Leader, null, beat) is null, why);
    }

    private TimeSpan? Over(StoreEntry beat) => _silence.UntilOver(Leader, Last, beat);

    private static StoreEntry Beat(long revision, string term = "t1", double ttl = 10) =>
        new(StoreKeys.LeaderBeat, new LeaderBeat(term, ttl).ToJson(), 1, revision, 1);
}
