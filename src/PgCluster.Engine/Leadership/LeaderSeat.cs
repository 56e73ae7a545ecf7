using Microsoft.Extensions.Logging;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Leadership;

/// <summary>
/// This node's hold of the leadership: takes it, renews it, and says in time when it cannot be renewed. Whoever runs the server as a primary does so
/// under <see cref="Token"/>.
/// </summary>
public sealed partial class LeaderSeat : IAsyncDisposable
{
    // Beats that may be on their way at once: one that the store has not answered must not hold up the next.
    private const int MostBeats = 4;

    private readonly string _node;
    private readonly IClusterStore _store;
    private readonly ILeaderGuard _guard;
    private readonly LeaderTiming _timing;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private Hold? _hold;

    /// <summary>Makes the seat of a node; nothing is held before <see cref="TakeAsync"/>.</summary>
    public LeaderSeat(string node, LeaderTiming timing, IClusterStore store, ILeaderGuard guard, TimeProvider time, ILogger logger)
    {
        _node = node;
        _timing = timing;
        _store = store;
        _guard = guard;
        _time = time;
        _logger = logger;
    }

    /// <summary>True while this node leads and can rely on it.</summary>
    /// <remarks>By the clock, whether or not the keeper has run yet: a process that was frozen must not act on what it held before.</remarks>
    public bool IsHeld => _hold is { Token.IsCancellationRequested: false } hold && IsInTime(hold);

    /// <summary>Cancelled as soon as this node must not work as the leader any more; cancelled already when it does not lead.</summary>
    public CancellationToken Token => _hold is { } hold && IsInTime(hold) ? hold.Token : new CancellationToken(canceled: true);

    /// <summary>The term this node leads in; null when it does not lead.</summary>
    public string? Term => _hold?.Record.Term;

    /// <summary>What a transaction that only the leader may do has as a condition; null when this node does not lead.</summary>
    public StoreCondition? Holding => _hold is { } hold ? new StoreCondition.ModRevisionIs(StoreKeys.Leader, hold.WrittenAt) : null;

    /// <summary>How long this node has led in this term; zero when it does not lead.</summary>
    public TimeSpan HeldFor => _hold is { } hold ? _time.GetElapsedTime(hold.Since) : TimeSpan.Zero;

    /// <summary>
    /// False while nobody is to take over by himself: then a leader that cannot renew its lease goes on, and its guard leaves it alone. Takes effect
    /// with the next <see cref="TakeAsync"/> or <see cref="SayAsync"/>, which tell the others.
    /// </summary>
    public bool Enforced { get; set; } = true;

    /// <summary>Told, once a term, that the lease could not be renewed in time: the server has to stop within <see cref="LeaderTiming.StopBudget"/>.</summary>
    public Action<string>? OnLost { get; set; }

    /// <summary>
    /// Asked when half of the lease has gone by without a renewal, and again until there is one: true when every other node promises not to let anybody lead for the
    /// length of a lease, which then counts like a renewal from the moment of asking. Null, as it is without the failsafe rule, for never.
    /// </summary>
    public Func<LeaderRecord, CancellationToken, Task<bool>>? AskOthers { get; set; }

    /// <summary>
    /// Takes the leadership. The key must be as it was read, absent included, and <paramref name="conditions"/> must hold; <paramref name="operations"/> are
    /// done in the same transaction. False when the store said no: nothing was changed.
    /// </summary>
    /// <param name="current">The key as it was read; null when it was absent.</param>
    /// <param name="timeline">The timeline this node is going to lead on.</param>
    /// <param name="lsn">Where it begins; null when unknown.</param>
    /// <param name="conditions">What must hold besides.</param>
    /// <param name="operations">What is written besides.</param>
    /// <param name="cancellationToken">Ends the try; when the key was written by then, it stands until its lease ends.</param>
    public async Task<bool> TakeAsync(
        StoreEntry? current, int timeline, Lsn? lsn, IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations,
        CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _hold, null) is { } before)
        {
            await before.EndAsync().ConfigureAwait(false);
            await before.Lease.AbandonAsync().ConfigureAwait(false);
        }

        await _guard.EnsureAsync(cancellationToken).ConfigureAwait(false);
        var lease = await _store.GrantLeaseAsync(_timing.TimeToLive, cancellationToken).ConfigureAwait(false);
        var hold = new Hold(lease, new LeaderRecord(_node, timeline, Guid.CreateVersion7(_time.GetUtcNow()).ToString("n")), lsn, !Enforced);

        // Before the key: from the moment it stands there the server may be told to accept writes. A deadline that is set already belongs to a term before,
        // under which the server may be running: until the new key is written, nothing else ends it in time.
        var wasArmed = _guard.IsArmed;
        if (hold.IsGuarded && !wasArmed)
        {
            _guard.Arm(_timing.KillAfter - _time.GetElapsedTime(lease.RenewedAt));
        }

        try
        {
            var commit = await _store.CommitAsync(
                [current is null ? new StoreCondition.Absent(StoreKeys.Leader) : new StoreCondition.ModRevisionIs(StoreKeys.Leader, current.ModRevision), .. conditions],
                [
                    new StoreOperation.Put(StoreKeys.Leader, hold.Record.ToJson(), lease),
                    new StoreOperation.Put(StoreKeys.LastLeader, hold.Said.ToJson()),
                    new StoreOperation.Put(StoreKeys.LeaderBeat, BeatOf(hold)),
                    .. operations,
                ],
                cancellationToken).ConfigureAwait(false);
            if (commit.Succeeded)
            {
                if (hold.IsGuarded)
                {
                    _guard.Arm(_timing.KillAfter - _time.GetElapsedTime(lease.RenewedAt));
                }
                else
                {
                    _guard.Disarm();
                }

                hold.WrittenAt = commit.Revision;
                hold.Since = _time.GetTimestamp();
                hold.Keeper = Task.Run(() => KeepAsync(hold), CancellationToken.None);
                _hold = hold;
                LogTaken(_node, timeline, commit.Revision);
                return true;
            }
        }
        catch
        {
            // Whether the key was written is not known, and the server may be running as a primary: were the key taken away now, another node could lead at once.
            // It ends by itself, after the guard's deadline.
            await lease.AbandonAsync().ConfigureAwait(false);
            throw;
        }

        await lease.DisposeAsync().ConfigureAwait(false);
        if (!wasArmed)
        {
            _guard.Disarm();
        }

        return false;
    }

    /// <summary>
    /// Says in the store that the server was stopped for an operation, whose target may take over, or with null that it was not. False when this
    /// node does not lead any more. One call at a time, as for <see cref="SayAsync"/>.
    /// </summary>
    public async Task<bool> YieldAsync(string? operationId, CancellationToken cancellationToken)
    {
        if (_hold is not { } hold)
        {
            return false;
        }

        // Before the target can take over, which ends the beats of this term.
        hold.Yields |= operationId is not null;
        var record = hold.Record with { YieldsTo = operationId };
        var commit = await _store.CommitAsync(
            [new StoreCondition.ModRevisionIs(StoreKeys.Leader, hold.WrittenAt)],
            [new StoreOperation.Put(StoreKeys.Leader, record.ToJson(), hold.Lease)],
            cancellationToken).ConfigureAwait(false);
        if (commit.Succeeded)
        {
            hold.Record = record;
            hold.WrittenAt = commit.Revision;
        }

        hold.Yields = hold.Record.YieldsTo is not null;
        return commit.Succeeded;
    }

    /// <summary>
    /// Writes how far this leader has come, with <paramref name="operations"/>, in one transaction that a leader which was replaced cannot do. False when it was.
    /// </summary>
    public async Task<bool> SayAsync(int timeline, Lsn? lsn, IReadOnlyList<StoreOperation> operations, CancellationToken cancellationToken)
    {
        if (_hold is not { } hold)
        {
            return false;
        }

        if (Enforced && !hold.IsGuarded)
        {
            _guard.Arm(_timing.KillAfter - _time.GetElapsedTime(hold.Lease.RenewedAt));
        }

        hold.Said = hold.Said with { Timeline = timeline, Lsn = lsn, Unguarded = !Enforced };
        var commit = await _store.CommitAsync(
            [new StoreCondition.ModRevisionIs(StoreKeys.Leader, hold.WrittenAt)],
            [new StoreOperation.Put(StoreKeys.LastLeader, hold.Said.ToJson()), .. operations],
            cancellationToken).ConfigureAwait(false);

        // Only when the others know that the end of the lease proves nothing any more; and not beside the keeper, which would set the deadline again.
        lock (hold.Arming)
        {
            var wasGuarded = hold.IsGuarded;
            hold.IsGuarded = commit.Succeeded ? !hold.Said.Unguarded : wasGuarded || Enforced;
            if (wasGuarded && !hold.IsGuarded)
            {
                _guard.Disarm();
            }
        }

        return commit.Succeeded;
    }

    /// <summary>
    /// Gives the leadership back at once, so that somebody else can be elected; only once the server does not run as a primary any more. When
    /// another node has taken it over already, only this node's own part ends.
    /// </summary>
    /// <param name="why">What others are told.</param>
    /// <param name="cancellationToken">Ends the call to the store; the lease then ends by itself.</param>
    public async Task ReleaseAsync(string why, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _hold, null) is { } hold)
        {
            await hold.EndAsync().ConfigureAwait(false);
            try
            {
                // In one step: who sees the key gone finds the reason.
                await _store.CommitAsync(
                    [new StoreCondition.ModRevisionIs(StoreKeys.Leader, hold.WrittenAt)],
                    [new StoreOperation.Delete(StoreKeys.Leader), new StoreOperation.Put(StoreKeys.LastLeader, (hold.Said with { Left = why }).ToJson())],
                    cancellationToken).ConfigureAwait(false);
                LogReleased(_node, why);
            }
            finally
            {
                await hold.Lease.DisposeAsync().ConfigureAwait(false);
            }
        }

        _guard.Disarm();
    }

    /// <summary>
    /// For this node's next agent, which is in another process and takes the leadership up when it has begun its work: from here on it is no loss that another term beats. <see cref="UntilRelievedAsync"/> says when.
    /// </summary>
    public void AwaitRelief()
    {
        if (_hold is { } hold)
        {
            hold.Yields = true;
        }
    }

    /// <summary>Renews until another term beats; at most for the length of a lease, after which whoever was to come has not.</summary>
    public async Task UntilRelievedAsync()
    {
        var began = _time.GetTimestamp();
        while (_hold is { IsReplaced: false, Token.IsCancellationRequested: false } && _time.GetElapsedTime(began) < _timing.TimeToLive)
        {
            await Task.Delay(_timing.BeatInterval / 10, _time).ConfigureAwait(false);
        }
    }

    /// <summary>Renews no more, and leaves key and guard as they are: this node's next agent takes them over, or the guard stops the server in time.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _hold, null) is { } hold)
        {
            await hold.EndAsync().ConfigureAwait(false);
            await hold.Lease.AbandonAsync().ConfigureAwait(false);
        }
    }

    private bool IsInTime(Hold hold) => _time.GetElapsedTime(hold.ProvenAt) < LimitOf(hold);

    private string BeatOf(Hold hold) => new LeaderBeat(hold.Record.Term, _timing.TimeToLive.TotalSeconds).ToJson();

    private TimeSpan LimitOf(Hold hold) => hold.IsGuarded ? _timing.StopAfter : _timing.TimeToLive;

    /// <summary>Keeps the guard's deadline in step with the lease, and gives up in time when there is no renewal.</summary>
    private async Task KeepAsync(Hold hold)
    {
        var armedFor = 0L;
        try
        {
            var asking = Task.CompletedTask;
            var beats = new List<Task>();
            var beatenAt = hold.BeatAt;
            while (true)
            {
                var provenAt = hold.ProvenAt;
                var age = _time.GetElapsedTime(provenAt);
                var left = LimitOf(hold) - age;
                var isLost = hold.Lease.Lost.IsCancellationRequested;
                if (((isLost || (hold.IsReplaced && !hold.Yields)) && provenAt != hold.VouchedAt) || left <= TimeSpan.Zero)
                {
                    LogLost(_node, age.TotalSeconds);
                    await hold.CancelAsync().ConfigureAwait(false);
                    if (hold.IsGuarded)
                    {
                        OnLost?.Invoke(hold.Record.Term);
                    }

                    return;
                }

                if (AskOthers is not null && hold.IsGuarded && asking.IsCompleted && age > _timing.TimeToLive / 2)
                {
                    asking = AskAsync(hold, left);
                }

                beats.RemoveAll(b => b.IsCompleted);
                if (!hold.IsReplaced && beats.Count < MostBeats && _time.GetElapsedTime(beatenAt) >= _timing.BeatInterval)
                {
                    beatenAt = _time.GetTimestamp();
                    beats.Add(BeatAsync(hold, beatenAt));
                }

                var isRenewed = provenAt != armedFor;
                lock (hold.Arming)
                {
                    if (isRenewed && hold.IsGuarded)
                    {
                        armedFor = provenAt;
                        _guard.Arm(_timing.KillAfter - age);
                    }
                }

                if (isRenewed && hold.IsGuarded)
                {
                    await _guard.EnsureAsync(hold.Token).ConfigureAwait(false);
                }

                var next = _timing.TimeToLive / 24;
                using var either = CancellationTokenSource.CreateLinkedTokenSource(hold.Token, isLost ? hold.Token : hold.Lease.Lost);
                await Task.Delay(next < left ? next : left, _time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                hold.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (hold.Token.IsCancellationRequested)
        {
            // This node has left the leadership by itself.
        }
    }

    private async Task BeatAsync(Hold hold, long sentAt)
    {
        try
        {
            var commit = await _store.CommitAsync(
                [new StoreCondition.ValueIs(StoreKeys.LeaderBeat, BeatOf(hold))], [new StoreOperation.Put(StoreKeys.LeaderBeat, BeatOf(hold))], hold.Token).ConfigureAwait(false);
            if (commit.Succeeded)
            {
                hold.Beat(sentAt);
            }
            else
            {
                hold.IsReplaced = true;
            }
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            // Not heard of, and so no proof; the next one comes soon.
        }
    }

    private async Task AskAsync(Hold hold, TimeSpan budget)
    {
        var askedAt = _time.GetTimestamp();
        using var end = new CancellationTokenSource(budget, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(hold.Token, end.Token);
        try
        {
            if (await AskOthers!(hold.Record, either.Token).ConfigureAwait(false))
            {
                hold.VouchedAt = askedAt;
                LogVouched(_node, _time.GetElapsedTime(hold.Lease.RenewedAt).TotalSeconds);
            }
        }
        catch (OperationCanceledException)
        {
            // There was no answer in time, and so no promise.
        }
    }

    [LoggerMessage(2104, LogLevel.Warning, "{Node} leads without the store, on the word of every other agent: its lease was last renewed {AgeSeconds} s ago")]
    private partial void LogVouched(string node, double ageSeconds);

    [LoggerMessage(2101, LogLevel.Information, "{Node} leads on timeline {Timeline} since revision {Revision}")]
    private partial void LogTaken(string node, int timeline, long revision);

    [LoggerMessage(2102, LogLevel.Error, "{Node} must not lead any more: its lease was last renewed {AgeSeconds} s ago")]
    private partial void LogLost(string node, double ageSeconds);

    [LoggerMessage(2103, LogLevel.Information, "{Node} has given its leadership back: {Why}")]
    private partial void LogReleased(string node, string why);

#pragma warning disable CA1001 // Its token outlives it: others hold it.
    private sealed class Hold(IStoreLease lease, LeaderRecord record, Lsn? lsn, bool unguarded)
#pragma warning restore CA1001
    {
        private readonly CancellationTokenSource _ended = new();
        private readonly Lock _beating = new();
        private long _beatAt = lease.RenewedAt;
        private volatile bool _isReplaced;
        private volatile bool _yields;

        public IStoreLease Lease => lease;

        public CancellationToken Token => _ended.Token;

        public LeaderRecord Record { get; set; } = record;

        public LastLeader Said { get; set; } = new(record.Node, record.Timeline, record.Term, lsn, Unguarded: unguarded);

        /// <summary>True when the server is stopped in time if the lease is not renewed.</summary>
        public bool IsGuarded { get; set; } = !unguarded;

        /// <summary>Held while the guard's deadline is set or taken away.</summary>
        public Lock Arming { get; } = new();

        /// <summary>Mod-revision of the key as this node wrote it last: another one means that somebody else leads.</summary>
        public long WrittenAt { get; set; }

        /// <summary>Timestamp from which the others' latest promise counts; before any other when they gave none.</summary>
        public long VouchedAt { get; set; } = long.MinValue;

        /// <summary>When the latest beat was sent that the store has written; the take was the first, and the lease is older than that.</summary>
        public long BeatAt => Volatile.Read(ref _beatAt);

        /// <summary>True once the store has said that another term beats.</summary>
        public bool IsReplaced
        {
            get => _isReplaced;
            set => _isReplaced = value;
        }

        /// <summary>True while another term may follow that is nothing to stop the server for: it is stopped for an operation, whose target may take over, or this node's next agent is about to.</summary>
        public bool Yields
        {
            get => _yields;
            set => _yields = value;
        }

        /// <summary>
        /// Timestamp from which it is known for the length of a lease that nobody else leads: the store ends the lease by its renewals, and the other nodes count from the beats.
        /// </summary>
        public long ProvenAt => Math.Max(IsReplaced && Yields ? Lease.RenewedAt : Math.Min(Lease.RenewedAt, BeatAt), VouchedAt);

        /// <summary>When it was taken.</summary>
        public long Since { get; set; }

        public Task Keeper { get; set; } = Task.CompletedTask;

        /// <summary>The store has written a beat; answers may come in any order.</summary>
        public void Beat(long sentAt)
        {
            lock (_beating)
            {
                Volatile.Write(ref _beatAt, Math.Max(_beatAt, sentAt));
            }
        }

        public Task CancelAsync() => _ended.CancelAsync();

        public async Task EndAsync()
        {
            await _ended.CancelAsync().ConfigureAwait(false);
            await Keeper.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
