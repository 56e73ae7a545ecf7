using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Engine;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Leadership;

public sealed class LeaderSeatTests : IAsyncDisposable
{
    // Stops after 1.8 s, is killed after 2.1 s; the keeper looks every 100 ms.
    private static readonly LeaderTiming Timing = new(TimeSpan.FromSeconds(2.4));
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private readonly FakeTimeProvider _time = new();
    private readonly FakeLeaderStore _store;
    private readonly FakeGuard _guard;
    private readonly LeaderSeat _seat;
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public LeaderSeatTests()
    {
        _store = new FakeLeaderStore(_time);
        _guard = new FakeGuard(_time);
        _seat = new LeaderSeat("pg01", Timing, _store, _guard, _time, NullLogger.Instance) { OnLost = _ => _lost.SetResult() };
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private LastLeader Last => LastLeader.FromJson(_store.Value(StoreKeys.LastLeader))!;

    public ValueTask DisposeAsync() => _seat.DisposeAsync();

    [Fact]
    public async Task Without_a_renewal_it_ends_in_time_for_a_polite_stop_and_once()
    {
        await TakeAsync();
        await PassAsync(17);
        Assert.True(_seat.IsHeld);
        Assert.False(_lost.Task.IsCompleted);

        var token = _seat.Token;
        await PassAsync(1);

        await _lost.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.False(_seat.IsHeld);
        Assert.True(token.IsCancellationRequested);
        Assert.Equal(Timing.KillAfter, _guard.Deadline);
    }

    [Fact]
    public async Task While_renewals_come_it_stays_and_the_deadline_goes_with_them()
    {
        await TakeAsync();
        for (var i = 0; i < 100; i++)
        {
            if (i % 4 == 0)
            {
                _store.Leases[0].RenewedAt = _time.GetTimestamp();
            }

            await PassAsync(1);
            Assert.True(_guard.Deadline <= TimeSpan.FromTicks(_store.Leases[0].RenewedAt) + Timing.KillAfter);
        }

        await _time.WhenTimerAsync(Look);
        Assert.True(_seat.IsHeld);
        Assert.False(_lost.Task.IsCompleted);
        Assert.Equal(TimeSpan.FromSeconds(9.6) + Timing.KillAfter, _guard.Deadline);
    }

    [Fact]
    public async Task Renewals_without_beats_do_not_keep_it()
    {
        // The store still renews leases when it cannot write any more, and the others count from what they see written.
        await TakeAsync();
        _store.FailsCommits = true;
        for (var i = 0; i < 18; i++)
        {
            Assert.False(_lost.Task.IsCompleted);
            _store.Leases[0].RenewedAt = _time.GetTimestamp();
            await PassAsync(1);
        }

        await _lost.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.False(_seat.IsHeld);
        Assert.Equal(Timing.KillAfter, _guard.Deadline);
    }

    [Fact]
    public async Task It_is_lost_at_the_first_beat_that_another_term_refuses()
    {
        await TakeAsync();
        _store.Put(StoreKeys.LeaderBeat, new LeaderBeat("another", 2.4).ToJson());
        await PassAsync(5);

        await _lost.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.False(_seat.IsHeld);
    }

    [Fact]
    public async Task One_that_yields_is_not_lost_by_the_beat_of_its_successor()
    {
        // Its server is a standby of that one by then, and must not be stopped.
        await TakeAsync();
        Assert.True(await _seat.YieldAsync("op", Cancel));
        _store.Put(StoreKeys.LeaderBeat, new LeaderBeat("another", 2.4).ToJson());
        await PassRenewedAsync(40);

        Assert.False(_lost.Task.IsCompleted);
    }

    [Fact]
    public async Task The_beats_of_this_nodes_next_agent_relieve_the_one_that_waits_for_it()
    {
        Assert.True(_seat.UntilRelievedAsync().IsCompleted);
        await TakeAsync();
        _seat.AwaitRelief();
        var relieved = _seat.UntilRelievedAsync();
        await PassRenewedAsync(6);
        Assert.False(relieved.IsCompleted);

        _store.Put(StoreKeys.LeaderBeat, new LeaderBeat("next", 2.4).ToJson());
        await PassRenewedAsync(6);
        await relieved.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.False(_lost.Task.IsCompleted);
    }

    [Fact]
    public async Task A_next_agent_that_does_not_come_is_waited_for_no_longer_than_a_lease()
    {
        await TakeAsync();
        _seat.AwaitRelief();
        var relieved = _seat.UntilRelievedAsync();
        await PassRenewedAsync(26);
        await relieved.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.True(_seat.IsHeld);
    }

    [Fact]
    public async Task The_word_of_all_others_counts_like_a_renewal_from_the_moment_of_asking()
    {
        var asked = 0;
        _seat.AskOthers = (_, _) => Task.FromResult(++asked > 0);
        await TakeAsync();
        await PassAsync(12);
        Assert.Equal(0, asked);

        await PassAsync(200);

        await _time.WhenTimerAsync(Look);
        Assert.True(_seat.IsHeld);
        Assert.False(_lost.Task.IsCompleted);
        Assert.True(_guard.Deadline > TimeSpan.FromSeconds(20.9), $"{_guard.Deadline}");
        Assert.InRange(asked, 10, 20);
    }

    [Fact]
    public async Task Without_the_word_of_one_of_them_it_ends_as_it_would_have()
    {
        _seat.AskOthers = (_, _) => Task.FromResult(false);
        await TakeAsync();
        await PassAsync(18);

        await _lost.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.False(_seat.IsHeld);
        Assert.Equal(Timing.KillAfter, _guard.Deadline);
    }

    [Fact]
    public async Task A_process_that_was_frozen_does_not_count_on_what_it_held()
    {
        await TakeAsync();
        _time.Advance(Timing.TimeToLive);

        // Whether or not its keeper has run by now.
        Assert.False(_seat.IsHeld);
        Assert.True(_seat.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task The_guard_is_armed_before_the_key_is_written()
    {
        TimeSpan? atCommit = null;
        _store.OnCommit = () => atCommit = _guard.Deadline;

        await TakeAsync();

        Assert.Equal(Timing.KillAfter, atCommit);
        Assert.True(_guard.Ensured > 0);
        Assert.Equal("pg01", LeaderRecord.FromJson(_store.Value(StoreKeys.Leader))!.Node);
        Assert.Equal(_seat.Term, Last.Term);
    }

    [Fact]
    public async Task A_deadline_of_a_term_before_stays_until_the_new_key_is_written()
    {
        // The server may be running under that term, and its key ends when it ends.
        _guard.Arm(TimeSpan.FromSeconds(1));
        TimeSpan? atCommit = null;
        _store.OnCommit = () => atCommit = _guard.Deadline;

        await TakeAsync();

        Assert.Equal(TimeSpan.FromSeconds(1), atCommit);
        Assert.Equal(Timing.KillAfter, _guard.Deadline);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_take_that_is_refused_changes_nothing(bool armed)
    {
        _store.Put(StoreKeys.Leader, "another");
        if (armed)
        {
            _guard.Arm(TimeSpan.FromSeconds(1));
        }

        Assert.False(await _seat.TakeAsync(null, 2, null, [], [], Cancel));

        Assert.Equal("another", _store.Value(StoreKeys.Leader));
        Assert.True(_store.Leases[0].IsRevoked);
        Assert.Equal(armed ? TimeSpan.FromSeconds(1) : null, _guard.Deadline);
        Assert.False(_seat.IsHeld);
    }

    [Fact]
    public async Task A_take_in_doubt_leaves_the_key_and_the_guard_to_run_out()
    {
        // Taken away, the key would let another node lead at once, while this one's server may be running.
        _store.LosesAnswers = true;

        await Assert.ThrowsAsync<PgClusterException>(() => _seat.TakeAsync(null, 2, null, [], [], Cancel));

        Assert.NotNull(_store.Value(StoreKeys.Leader));
        Assert.False(_store.Leases[0].IsRevoked);
        Assert.True(_store.Leases[0].IsAbandoned);
        Assert.Equal(Timing.KillAfter, _guard.Deadline);
        Assert.False(_seat.IsHeld);
    }

    [Fact]
    public async Task A_leader_that_was_replaced_writes_nothing()
    {
        await TakeAsync();
        _store.Put(StoreKeys.Leader, "another");
        var said = _store.Value(StoreKeys.LastLeader);

        Assert.False(await _seat.SayAsync(1, new Lsn(5), [new StoreOperation.Put("/x", "y")], Cancel));
        Assert.False(await _seat.YieldAsync("op", Cancel));
        await _seat.ReleaseAsync("why", Cancel);

        Assert.Equal("another", _store.Value(StoreKeys.Leader));
        Assert.Equal(said, _store.Value(StoreKeys.LastLeader));
        Assert.Null(_store.Value("/x"));
    }

    [Fact]
    public async Task It_yields_and_takes_that_back()
    {
        await TakeAsync();

        Assert.True(await _seat.YieldAsync("op", Cancel));
        Assert.Equal("op", LeaderRecord.FromJson(_store.Value(StoreKeys.Leader))!.YieldsTo);
        Assert.True(await _seat.YieldAsync(null, Cancel));
        Assert.Null(LeaderRecord.FromJson(_store.Value(StoreKeys.Leader))!.YieldsTo);
        Assert.True(await _seat.SayAsync(1, new Lsn(5), [], Cancel));
        Assert.Equal(new Lsn(5), Last.Lsn);
    }

    [Fact]
    public async Task The_guard_is_disarmed_only_once_the_others_were_told()
    {
        await TakeAsync();
        _seat.Enforced = false;
        var armed = false;
        _store.OnCommit = () => armed = _guard.IsArmed;

        Assert.True(await _seat.SayAsync(1, null, [], Cancel));

        Assert.True(armed);
        Assert.True(Last.Unguarded);
        Assert.False(_guard.IsArmed);
    }

    [Fact]
    public async Task The_guard_stays_armed_when_the_others_could_not_be_told()
    {
        await TakeAsync();
        _seat.Enforced = false;
        _store.Put(StoreKeys.Leader, "another");

        Assert.False(await _seat.SayAsync(1, null, [], Cancel));

        Assert.True(_guard.IsArmed);
    }

    [Fact]
    public async Task The_guard_is_armed_before_the_others_are_told_that_it_is()
    {
        _seat.Enforced = false;
        await TakeAsync();
        Assert.False(_guard.IsArmed);
        Assert.True(Last.Unguarded);
        _seat.Enforced = true;
        var armed = false;
        _store.OnCommit = () => armed = _guard.IsArmed;

        Assert.True(await _seat.SayAsync(1, null, [], Cancel));

        Assert.True(armed);
        Assert.False(Last.Unguarded);
    }

    [Fact]
    public async Task Release_says_why_and_deletes_the_key_in_one_transaction()
    {
        await TakeAsync();

        await _seat.ReleaseAsync("stopped", Cancel);

        Assert.Equal([StoreKeys.Leader, StoreKeys.LastLeader], _store.Committed[^1].Select(o => o.Key));
        Assert.IsType<StoreOperation.Delete>(_store.Committed[^1][0]);
        Assert.Equal("stopped", Last.Left);
        Assert.True(_store.Leases[0].IsRevoked);
        Assert.False(_guard.IsArmed);
        Assert.False(_seat.IsHeld);
        Assert.Null(_seat.Term);
    }

    [Fact]
    public async Task Dispose_leaves_key_and_guard()
    {
        await TakeAsync();

        await _seat.DisposeAsync();

        Assert.NotNull(_store.Value(StoreKeys.Leader));
        Assert.True(_store.Leases[0].IsAbandoned);
        Assert.False(_store.Leases[0].IsRevoked);
        Assert.Equal(Timing.KillAfter, _guard.Deadline);
        Assert.False(_lost.Task.IsCompleted);
    }

    private async Task TakeAsync() => Assert.True(await _seat.TakeAsync(null, 1, new Lsn(1), [], [], Cancel));

    /// <summary>As <see cref="PassAsync"/>, while the lease is renewed.</summary>
    private async Task PassRenewedAsync(int looks)
    {
        for (var i = 0; i < looks; i++)
        {
            _store.Leases[0].RenewedAt = _time.GetTimestamp();
            await PassAsync(1);
        }
    }

    private async Task PassAsync(int looks)
    {
        for (var i = 0; i < looks; i++)
        {
            await _time.WhenTimerAsync(Look);
            _time.Advance(Look);
        }
    }
}
