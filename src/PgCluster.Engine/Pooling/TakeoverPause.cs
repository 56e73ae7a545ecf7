using System.Globalization;
using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Pooling;

/// <summary>
/// The pause of all poolers while a primary that is gone is being replaced: clients wait instead of failing. Begun by the first who knows, ended by whoever takes over: both
/// know the lost leader's term, which makes the lease's id. A pooler that cannot be reached is left out, and each pause ends by itself.
/// </summary>
internal sealed class TakeoverPause
{
    private readonly KeeperContacts _contacts;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly string _leaseId;
    private readonly string _holder;
    private Task<IReadOnlyList<Pause>> _pauses = Task.FromResult<IReadOnlyList<Pause>>([]);

    /// <summary>Makes the pause for the end of a term; nothing is paused yet.</summary>
    public TakeoverPause(KeeperContacts contacts, ClusterConfig config, TimeProvider time, string lostTerm, string holder)
    {
        _contacts = contacts;
        _config = config;
        _time = time;
        _leaseId = LeaseOf(lostTerm);
        _holder = holder;
    }

    /// <summary>The id of the pauses for the end of a term.</summary>
    public static string LeaseOf(string term) => "takeover-" + term;

    /// <summary>Begins to pause: the requests are on their way when this returns, where it is known whom to ask. Whatever follows goes on beside the caller.</summary>
    public void Begin() => _pauses = PauseAllAsync();

    /// <summary>Completes when every pooler that was asked has paused, or cannot be; throws nothing.</summary>
    public async Task StandsAsync() => await Task.WhenAll((await _pauses.ConfigureAwait(false)).Select(pause => pause.Call)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>
    /// Resumes each pooler as soon as it says itself that it leads to the new primary, and drops what waits for the old one; at once when there is none. A pause that
    /// was not reached yet is given up. Says what came of it by the end of the token, and goes on behind it with those that were not done; throws nothing.
    /// </summary>
    public async Task<string> EndAsync(PoolerTarget? target, CancellationToken cancellationToken)
    {
        // Read once for all, while the last of them are still being paused.
        var leading = target is null ? null : ReadLeadingAsync();
        var ends = (await _pauses.ConfigureAwait(false))
            .Select(pause => (pause.Pooler, End: leading is null ? GiveUpAsync(pause) : FinishAsync(pause, target!, leading))).ToArray();
        await Task.WhenAll(ends.Select(e => e.End)).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var failed = ends.Where(e => !e.End.IsCompletedSuccessfully)
            .Select(e => $"{e.Pooler}: {e.End.Exception?.InnerException?.Message ?? "does not lead there yet"}").ToArray();
        return string.Join("; ", [string.Create(CultureInfo.InvariantCulture, $"{ends.Length - failed.Length} of {ends.Length} poolers lead there and serve"), .. failed]);
    }

    private async Task GiveUpAsync(Pause pause)
    {
        using var budget = new CancellationTokenSource(_config.Failover.ResumeTimeout, _time);

        // A request that is still on its way must not arrive after the resume. Its keeper lifts what a caller who left has asked for.
        await pause.CancelAsync().ConfigureAwait(false);
        await pause.Keeper.ResumeAsync(_leaseId, budget.Token).ConfigureAwait(false);
    }

    /// <summary>The poolers that lead to this cluster now.</summary>
    private async Task<IReadOnlyCollection<string>> ReadLeadingAsync()
    {
        using var budget = new CancellationTokenSource(_config.Failover.PauseExpiry, _time);
        return (await _contacts.ReadAsync(budget.Token).ConfigureAwait(false)).Names;
    }

    private async Task FinishAsync(Pause pause, PoolerTarget target, Task<IReadOnlyCollection<string>> leading)
    {
        // The clients of a pooler that is late wait until their pause ends by itself, and no longer.
        using var budget = new CancellationTokenSource(_config.Failover.PauseExpiry, _time);
        if ((await leading.ConfigureAwait(false)).Contains(pause.Pooler))
        {
            await pause.Keeper.ConfirmTargetAsync(target, budget.Token).ConfigureAwait(false);
        }

        // For good: the lost leader's agent may be about to ask for the same pause, and would not live to end it.
        await pause.Keeper.FinishAsync(_leaseId, budget.Token).ConfigureAwait(false);
        await pause.CancelAsync().ConfigureAwait(false);
        _ = Task.Run(() => DropStraysAsync(pause.Keeper, target), CancellationToken.None);
    }

    /// <summary>Lets no client wait for an answer of the primary that is gone.</summary>
    private async Task DropStraysAsync(IPoolerKeeper keeper, PoolerTarget target)
    {
        using var budget = new CancellationTokenSource(_config.Failover.PauseExpiry, _time);
        try
        {
            await keeper.DropStraysAsync(target, budget.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            // Its clients wait for as long as TCP does; the keeper's log has why.
        }
    }

    private async Task<IReadOnlyList<Pause>> PauseAllAsync()
    {
        using var budget = new CancellationTokenSource(_config.Etcd.Timeout, _time);
        try
        {
            var poolers = await _contacts.FindAsync(budget.Token).ConfigureAwait(false);
            return [.. poolers.Names.Select(name => new Pause(name, poolers.Keeper(name), PauseAsync))];
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            return [];
        }
    }

    private async Task PauseAsync(IPoolerKeeper keeper, CancellationToken cancellationToken) =>
        await keeper.PauseAsync(_leaseId, _holder, _config.Failover.PauseTimeout, _config.Failover.PauseExpiry, cancellationToken).ConfigureAwait(false);

#pragma warning disable CA1001 // A token source without a timer holds nothing.
    private sealed class Pause
#pragma warning restore CA1001
    {
        private readonly CancellationTokenSource _left = new();

        public Pause(string pooler, IPoolerKeeper keeper, Func<IPoolerKeeper, CancellationToken, Task> call)
        {
            Pooler = pooler;
            Keeper = keeper;
            Call = call(keeper, _left.Token);
        }

        public string Pooler { get; }

        public IPoolerKeeper Keeper { get; }

        public Task Call { get; }

        public async Task CancelAsync()
        {
            if (!Call.IsCompleted)
            {
                await _left.CancelAsync().ConfigureAwait(false);
            }

            await Call.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
