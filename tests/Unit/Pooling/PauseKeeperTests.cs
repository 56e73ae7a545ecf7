using PgCluster.Engine.Pooling;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class PauseKeeperTests : IAsyncDisposable
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    private readonly FakeTimeProvider _time = new();
    private readonly FakeConsole _console = new();
    private readonly RecordingLogger<PauseKeeper> _logger = new();
    private readonly PauseKeeper _keeper;

    public PauseKeeperTests() => _keeper = new PauseKeeper("pool1", _console, _time, _logger);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _console.OnResume = _ => Task.CompletedTask;
        await _keeper.DisposeAsync();
        await _console.DisposeAsync();
    }

    [Fact]
    public async Task The_last_pause_is_remembered_and_both_of_its_ends_are_told()
    {
        var told = new List<PoolerPause?>();
        _keeper.Changed = () => told.Add(_keeper.Status.Last);
        var began = _time.GetUtcNow();
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(30), Token);
        _time.Advance(Seconds(2));
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(30), Token);
        _time.Advance(Seconds(1));
        await _keeper.ResumeAsync("a", Token);

        var pause = new PoolerPause { Id = "a", Holder = "me", Since = began };
        Assert.Equal([pause, pause with { Until = began + Seconds(3), EndedBy = "asked for" }], told);
        Assert.Equal(told[^1], _keeper.Status.Last);
    }

    [Fact]
    public async Task What_must_not_meet_a_pause_is_refused_while_there_is_one_and_holds_the_next_one_back()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(30), Token);
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.WhileServingAsync(() => Task.FromResult(1), Token));
        Assert.Equal(Reason.LockHeld, refused.Reason);
        Assert.Contains("me", refused.Message, StringComparison.Ordinal);
        await _keeper.ResumeAsync("a", Token);
        _console.RemainingCalls();

        var work = new TaskCompletionSource<int>();
        var working = _keeper.WhileServingAsync(() => work.Task, Token);
        var pausing = _keeper.PauseAsync("b", "me", Seconds(5), Seconds(30), Token);
        Assert.Empty(_console.RemainingCalls());
        Assert.False(pausing.IsCompleted);
        work.SetResult(7);

        Assert.Equal(7, await working.WaitAsync(Budget, Token));
        Assert.Equal("b", (await pausing.WaitAsync(Budget, Token)).Id);
    }

    [Fact]
    public async Task A_pause_that_is_given_away_is_another_keepers_to_end()
    {
        await _keeper.FinishAsync("done", Token);
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(30), Token);
        var kept = await _keeper.GiveAwayAsync(Token);
        var console = new FakeConsole();
        await using (var next = new PauseKeeper("pool1", console, _time, _logger))
        {
            next.GoOnWith(kept);
            Assert.Equal((PoolerState.Paused, "a"), (next.Status.State, next.Status.Lease?.Id));
            Assert.Equal(Reason.Cancelled, (await Assert.ThrowsAsync<PgClusterException>(() => next.PauseAsync("done", "me", Seconds(5), Seconds(30), Token))).Reason);
            Assert.Equal(Reason.LockHeld, (await Assert.ThrowsAsync<PgClusterException>(() => next.ResumeAsync("b", Token))).Reason);

            // A predecessor's pause is not one that was forgotten.
            await next.RecoverAsync(Token);
            Assert.Empty(console.RemainingCalls());
            _time.Advance(Seconds(30));
            Assert.Equal("resume", await console.NextCallAsync());
            Assert.Equal("resumed", await console.NextCallAsync());
            await next.ResumeAsync("a", Token);
            Assert.Equal((kept.Last!.Since, "its expiry was over"), (next.Status.Last!.Since, next.Status.Last.EndedBy));
        }

        await _keeper.DisposeAsync();
        Assert.Equal(["pause"], _console.RemainingCalls());
    }

    [Fact]
    public async Task A_pause_that_was_given_away_for_nothing_ends_when_it_should_have()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(30), Token);
        await _keeper.GiveAwayAsync(Token);
        _time.Advance(Seconds(31));
        var late = _keeper.ResumeAsync("a", Token);
        Assert.Equal(["pause"], _console.RemainingCalls());

        _keeper.TakeBack();
        Assert.True(await late);
        Assert.Equal("resume", await _console.NextCallAsync());
        Assert.Equal("resumed", await _console.NextCallAsync());

        // Once more is nothing.
        _keeper.TakeBack();
        await _keeper.PauseAsync("b", "me", Seconds(5), Seconds(30), Token);
        await _keeper.GiveAwayAsync(Token);
        _time.Advance(Seconds(31));
        _keeper.TakeBack();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("pause", await _console.NextCallAsync());
        Assert.Equal("resume", await _console.NextCallAsync());
    }

    [Fact]
    public async Task A_pause_that_has_begun_is_given_away_when_it_is_reached()
    {
        var reached = new TaskCompletionSource();
        _console.OnPause = _ => reached.Task;
        var pausing = _keeper.PauseAsync("a", "me", Seconds(5), Seconds(30), Token);
        var giving = _keeper.GiveAwayAsync(Token);
        Assert.False(giving.IsCompleted);

        reached.SetResult();
        await pausing;
        Assert.Equal("a", (await giving).Lease?.Id);
    }

    [Fact]
    public async Task A_pause_that_was_not_reached_is_none()
    {
        _console.OnPause = _ => throw new PgClusterException(Reason.PoolerUnreachable, "gone");
        await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync("a", "me", Seconds(5), Seconds(30), Token));

        Assert.Null(_keeper.Status.Last);
    }

    [Fact]
    public async Task PG_3_pause_with_expiry_0_over_the_legacy_protocol_has_no_scheduled_resume()
    {
        var lease = await _keeper.PauseLegacyAsync("pgcm", "pgcm", Seconds(5), TimeSpan.Zero, Token);

        Assert.Equal(DateTimeOffset.MaxValue, lease.ExpiresAt);
        Assert.Equal(0, _time.ArmedTimers);
        _time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(["pause"], _console.RemainingCalls());
        Assert.Equal(PoolerState.Paused, _keeper.Status.State);
    }

    [Fact]
    public async Task PG_3_expiry_0_is_refused_where_a_lease_has_to_end()
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync("a", "me", Seconds(5), TimeSpan.Zero, Token));

        Assert.Equal(Reason.InvalidArgument, error.Reason);
        Assert.Empty(_console.RemainingCalls());
    }

    [Fact]
    public async Task PG_4_pause_is_resumed_when_its_expiry_is_over()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(1), Token);
        Assert.Equal("pause", await _console.NextCallAsync());

        _time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal(PoolerState.Paused, _keeper.Status.State);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal("resume", await _console.NextCallAsync());
        Assert.Equal("resumed", await _console.NextCallAsync());
        Assert.False(_console.Paused);
    }

    [Fact]
    public async Task A_pause_that_ended_for_good_is_not_begun_again_by_a_request_that_was_late()
    {
        await _keeper.PauseAsync("takeover", "winner", Seconds(5), Seconds(25), Token);
        Assert.True(await _keeper.FinishAsync("takeover", Token));
        Assert.False(await _keeper.FinishAsync("never asked for", Token));

        foreach (var id in new[] { "takeover", "never asked for" })
        {
            var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync(id, "loser", Seconds(5), Seconds(25), Token));
            Assert.Equal(Reason.Cancelled, error.Reason);
        }

        Assert.Equal(["pause", "resume", "resumed"], _console.RemainingCalls());
        await _keeper.PauseAsync("another", "somebody", Seconds(5), Seconds(25), Token);
    }

    [Fact]
    public async Task Connections_are_dropped_only_while_nothing_is_paused()
    {
        Assert.True(await _keeper.KillAsync(["app", "web"], Token));
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        Assert.False(await _keeper.KillAsync(["app"], Token));

        Assert.Equal(["kill app,web", "pause"], _console.RemainingCalls());
    }

    [Fact]
    public async Task PG_5_error_of_the_pooler_comes_out_while_the_deadline_is_open_and_nothing_stays_paused()
    {
        _console.OnPause = _ => throw new PgClusterException(Reason.PoolerUnreachable, "oops");

        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token));

        Assert.Equal(Reason.PoolerUnreachable, error.Reason);
        Assert.Equal("oops", error.Message);
        Assert.Equal(["pause", "resume", "resumed"], _console.RemainingCalls());
        Assert.Equal(0, _time.ArmedTimers);
    }

    [Fact]
    public async Task PG_6_timeout_0_is_exceeded_before_it_begins()
    {
        _console.OnPause = _ => throw new PgClusterException(Reason.PoolerUnreachable, "oops");

        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync("a", "me", TimeSpan.Zero, Seconds(25), Token));

        Assert.Equal(Reason.PauseTimeout, error.Reason);
        Assert.Contains("exceeded pause timeout", error.Message, StringComparison.Ordinal);
        Assert.Contains("resumed", _console.RemainingCalls());
    }

    [Fact]
    public async Task Pause_that_is_not_reached_in_time_is_lifted()
    {
        _console.OnPause = token => Task.Delay(Timeout.Infinite, token);
        var pausing = _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        Assert.Equal("pause", await _console.NextCallAsync());
        Assert.Equal(PoolerState.Pausing, _keeper.Status.State);

        _time.Advance(Seconds(5));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => pausing);
        Assert.Equal(Reason.PauseTimeout, error.Reason);
        Assert.Contains("exceeded pause timeout", error.Message, StringComparison.Ordinal);
        Assert.Equal(["resume", "resumed"], _console.RemainingCalls());
    }

    [Fact]
    public async Task PG_34_expiry_of_an_ended_pause_does_not_resume_the_one_after_it()
    {
        await _keeper.PauseAsync("first", "me", Seconds(5), Seconds(25), Token);
        await _keeper.ResumeAsync("first", Token);
        await _keeper.ResumeAsync("first", Token);
        _time.Advance(Seconds(10));
        await _keeper.PauseAsync("second", "me", Seconds(5), Seconds(25), Token);
        _console.RemainingCalls();

        _time.Advance(Seconds(24));
        Assert.Empty(_console.RemainingCalls());
        Assert.True(_console.Paused);
        Assert.Equal("second", _keeper.Status.Lease!.Id);

        _time.Advance(Seconds(1));
        Assert.Equal("resume", await _console.NextCallAsync());
    }

    [Fact]
    public async Task PG_34_a_timer_that_fires_although_its_pause_was_replaced_does_nothing()
    {
        // The worst case: the callback was on its way already when the timer was disposed.
        var late = new LateTimers(_time);
        await using var keeper = new PauseKeeper("pool1", _console, late, _logger);
        await keeper.PauseAsync("first", "me", Seconds(5), Seconds(25), Token);
        await keeper.ResumeAsync("first", Token);
        await keeper.PauseAsync("second", "me", Seconds(5), Seconds(25), Token);
        await keeper.PauseAsync("second", "me", Seconds(5), Seconds(60), Token);
        _console.RemainingCalls();
        Assert.Equal(3, late.Expiries.Count);

        late.Expiries[0]();
        late.Expiries[1]();

        Assert.Equal(2, _logger.Entries.Count(entry => entry.Id == 2005));
        Assert.Equal(PoolerState.Paused, keeper.Status.State);
        late.Expiries[2]();
        Assert.Equal("resume", await _console.NextCallAsync());
    }

    [Fact]
    public async Task Expiry_counts_from_the_receipt_of_the_request_and_ends_a_pause_that_is_still_waiting()
    {
        _console.OnPause = token => Task.Delay(Timeout.Infinite, token);
        var pausing = _keeper.PauseAsync("a", "me", Seconds(30), Seconds(25), Token);
        Assert.Equal("pause", await _console.NextCallAsync());

        _time.Advance(Seconds(25));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => pausing);
        Assert.Equal(Reason.Cancelled, error.Reason);
        Assert.Contains("expiry", error.Message, StringComparison.Ordinal);
        Assert.False(_console.Paused);
    }

    [Fact]
    public async Task Lease_says_who_when_and_until()
    {
        var asked = _time.GetUtcNow();

        var lease = await _keeper.PauseAsync("a", "failover to pg02 by me@here", Seconds(5), Seconds(25), Token);

        Assert.Equal(
            new PauseLease { Id = "a", Pooler = "pool1", Holder = "failover to pg02 by me@here", CreatedAt = asked, ExpiresAt = asked + Seconds(25) }, lease);
        Assert.Equal(lease, _keeper.Status.Lease);
    }

    [Fact]
    public async Task Wall_clock_that_jumps_does_not_move_the_expiry()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        _time.SetUtcNow(_time.GetUtcNow().AddYears(-1));
        _time.Advance(Seconds(25));

        Assert.Equal("pause", await _console.NextCallAsync());
        Assert.Equal("resume", await _console.NextCallAsync());
    }

    [Fact]
    public async Task Second_pause_with_the_same_id_extends()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        _time.Advance(Seconds(20));
        var extended = await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        _time.Advance(Seconds(20));

        Assert.Equal(PoolerState.Paused, _keeper.Status.State);
        Assert.Equal(_time.GetUtcNow() + Seconds(5), extended.ExpiresAt);
        Assert.Equal(["pause", "pause"], _console.RemainingCalls());
        _time.Advance(Seconds(5));
        Assert.Equal("resume", await _console.NextCallAsync());
    }

    [Fact]
    public async Task Second_pause_right_after_the_first_costs_the_pooler_nothing()
    {
        await _keeper.PauseAsync("a", "agent of pg01", Seconds(5), Seconds(25), Token);
        _time.Advance(Seconds(0.5));
        var extended = await _keeper.PauseAsync("a", "agent of pg02", Seconds(5), Seconds(25), Token);

        Assert.Equal((_time.GetUtcNow() + Seconds(25), "agent of pg02"), (extended.ExpiresAt, extended.Holder));
        Assert.Equal(["pause"], _console.RemainingCalls());
        _time.Advance(Seconds(24.6));
        Assert.Equal(PoolerState.Paused, _keeper.Status.State);
        _time.Advance(Seconds(0.4));
        Assert.Equal("resume", await _console.NextCallAsync());
    }

    [Fact]
    public async Task Caller_that_leaves_while_it_extends_does_not_end_the_pause()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        _time.Advance(Seconds(2));
        var release = new TaskCompletionSource();
        _console.OnPause = token => release.Task.WaitAsync(token);
        using var caller = new CancellationTokenSource();
        var extending = _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), caller.Token);
        await caller.CancelAsync();
        release.SetResult();

        await extending;

        Assert.True(_console.Paused);
        Assert.Equal(["pause", "pause"], _console.RemainingCalls());
    }

    [Fact]
    public async Task Second_pause_with_another_id_is_refused_and_names_the_holder()
    {
        await _keeper.PauseAsync("a", "alice@ops", Seconds(5), Seconds(25), Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync("b", "bob@ops", Seconds(5), Seconds(25), Token));

        Assert.Equal(Reason.LockHeld, error.Reason);
        Assert.Contains("alice@ops", error.Message, StringComparison.Ordinal);
        Assert.Equal("a", _keeper.Status.Lease!.Id);
        Assert.Equal(["pause"], _console.RemainingCalls());
    }

    [Fact]
    public async Task Resume_of_another_id_is_refused_and_of_no_id_ends_whatever_is_held()
    {
        await _keeper.PauseAsync("a", "alice@ops", Seconds(5), Seconds(25), Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.ResumeAsync("b", Token));
        Assert.Equal(Reason.LockHeld, error.Reason);
        Assert.True(_console.Paused);

        Assert.True(await _keeper.ResumeAsync(null, Token));
        Assert.False(_console.Paused);
        Assert.Equal(PoolerState.Active, _keeper.Status.State);
        Assert.Equal(0, _time.ArmedTimers);
    }

    [Fact]
    public async Task Resume_of_what_has_ended_is_no_error_and_without_id_still_reaches_the_pooler()
    {
        Assert.False(await _keeper.ResumeAsync("a", Token));
        Assert.Empty(_console.RemainingCalls());

        Assert.False(await _keeper.ResumeAsync(null, Token));
        Assert.Equal(["resume", "resumed"], _console.RemainingCalls());
    }

    [Fact]
    public async Task Resume_while_the_pause_is_waiting_ends_the_pause()
    {
        _console.OnPause = token => Task.Delay(Timeout.Infinite, token);
        var pausing = _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        Assert.Equal("pause", await _console.NextCallAsync());

        Assert.True(await _keeper.ResumeAsync("a", Token));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => pausing);
        Assert.Equal(Reason.Cancelled, error.Reason);
        Assert.Equal(["resume", "resumed"], _console.RemainingCalls());
    }

    [Fact]
    public async Task Caller_that_goes_away_while_the_pause_is_waiting_lifts_it()
    {
        _console.OnPause = token => Task.Delay(Timeout.Infinite, token);
        using var caller = new CancellationTokenSource();
        var pausing = _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), caller.Token);
        Assert.Equal("pause", await _console.NextCallAsync());

        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pausing);
        Assert.Equal(["resume", "resumed"], _console.RemainingCalls());
        Assert.Null(_keeper.Status.Lease);
    }

    [Fact]
    public async Task Resume_that_fails_comes_out_and_is_tried_until_it_works()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        var broken = true;
        _console.OnResume = _ => broken ? throw new PgClusterException(Reason.PoolerUnreachable, "gone") : Task.CompletedTask;

        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.ResumeAsync("a", Token));
        Assert.Equal(Reason.PoolerUnreachable, error.Reason);
        Assert.Equal("gone", _keeper.Status.ResumeError);
        await _time.WhenTimerAsync(TimeSpan.FromMilliseconds(100));
        _time.Advance(TimeSpan.FromMilliseconds(100));
        await _time.WhenTimerAsync(TimeSpan.FromMilliseconds(200));
        Assert.True(_console.Paused);

        broken = false;
        _time.Advance(TimeSpan.FromMilliseconds(200));

        Assert.Equal("pause", await _console.NextCallAsync());
        Assert.Equal("resume", await _console.NextCallAsync());
        Assert.Equal("resume", await _console.NextCallAsync());
        Assert.Equal("resume", await _console.NextCallAsync());
        Assert.Equal("resumed", await _console.NextCallAsync());
        Assert.Equal(2, _logger.Entries.Count(entry => entry.Id == 2003));
    }

    [Fact]
    public async Task New_pause_waits_for_the_end_of_the_one_before_it()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);
        var release = new TaskCompletionSource();
        _console.OnResume = token => release.Task.WaitAsync(token);
        var resuming = _keeper.ResumeAsync("a", Token);
        Assert.Equal("pause", await _console.NextCallAsync());
        Assert.Equal("resume", await _console.NextCallAsync());
        var pausing = _keeper.PauseAsync("b", "me", Seconds(5), Seconds(25), Token);
        Assert.False(pausing.IsCompleted);

        release.SetResult();

        await resuming;
        Assert.Equal("b", (await pausing).Id);
        Assert.Equal(["resumed", "pause"], _console.RemainingCalls());
        Assert.True(_console.Paused);
    }

    [Fact]
    public async Task Recover_resumes_what_a_predecessor_left_and_keeps_trying()
    {
        var attempts = 0;
        _console.OnResume = _ => ++attempts == 1 ? throw new PgClusterException(Reason.PoolerUnreachable, "gone") : Task.CompletedTask;
        var recovering = _keeper.RecoverAsync(Token);
        await _time.WhenTimerAsync(TimeSpan.FromMilliseconds(100));

        _time.Advance(TimeSpan.FromMilliseconds(100));

        await recovering;
        Assert.Equal(["resume", "resume", "resumed"], _console.RemainingCalls());
    }

    [Fact]
    public async Task Recover_leaves_a_pause_of_this_process_alone()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), Seconds(25), Token);

        await _keeper.RecoverAsync(Token);

        Assert.True(_console.Paused);
        Assert.Equal(["pause"], _console.RemainingCalls());
    }

    [Fact]
    public async Task Dispose_resumes_before_it_returns_and_refuses_what_comes_after()
    {
        await _keeper.PauseLegacyAsync("a", "me", Seconds(5), TimeSpan.Zero, Token);

        await _keeper.DisposeAsync();

        Assert.False(_console.Paused);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync("b", "me", Seconds(5), Seconds(25), Token));
        Assert.Equal(Reason.PoolerUnreachable, error.Reason);
        await _keeper.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_gives_up_after_ten_seconds_and_says_so()
    {
        await _keeper.PauseAsync("a", "me", Seconds(5), TimeSpan.FromHours(1), Token);
        _console.OnResume = _ => throw new PgClusterException(Reason.PoolerUnreachable, "gone");
        var disposing = _keeper.DisposeAsync().AsTask();

        while (!disposing.IsCompleted)
        {
            Assert.True(_time.GetUtcNow() < new DateTimeOffset(2030, 1, 1, 0, 1, 0, TimeSpan.Zero), "dispose went on for a minute");
            if (_time.ArmedTimers > 0)
            {
                _time.Advance(TimeSpan.FromMilliseconds(100));
            }

            await Task.Yield();
        }

        await disposing.WaitAsync(Budget, Token);
        Assert.Contains(_logger.Entries, entry => entry.Id == 2007);
    }

    [Theory]
    [InlineData("", 5, 25)]
    [InlineData("a", -1, 25)]
    [InlineData("a", 5, -1)]
    [InlineData("a", 5, 86401)]
    [InlineData("a", 86401, 25)]
    public async Task Arguments_out_of_range_are_refused(string id, int timeout, int expiry)
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => _keeper.PauseAsync(id, "me", Seconds(timeout), Seconds(expiry), Token));

        Assert.Equal(Reason.InvalidArgument, error.Reason);
        Assert.Empty(_console.RemainingCalls());
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    /// <summary>Keeps the callbacks of timers that somebody else than a token source or a delay arms, and lets the test fire them at will.</summary>
    private sealed class LateTimers(FakeTimeProvider inner) : TimeProvider
    {
        public List<Action> Expiries { get; } = [];

        public override DateTimeOffset GetUtcNow() => inner.GetUtcNow();

        public override long GetTimestamp() => inner.GetTimestamp();

        public override long TimestampFrequency => inner.TimestampFrequency;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime > TimeSpan.FromSeconds(5))
            {
                Expiries.Add(() => callback(state));
            }

            return inner.CreateTimer(callback, state, dueTime, period);
        }
    }
}
