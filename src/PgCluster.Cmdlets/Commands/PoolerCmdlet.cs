using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>Finds poolers by name.</summary>
public abstract class PoolerCmdlet : ClusterCmdlet
{
    /// <summary>The poolers that <paramref name="names"/> match; writes an error for each name without wildcard that matches none.</summary>
    private protected async Task<List<PoolerInfo>> FindAsync(string[]? names, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var all = await Cluster.GetPoolersAsync(cancellationToken);
        Session.Remember(all);
        var (found, missing) = NamePattern.Select(all, names, p => p.Name);
        foreach (var name in missing)
        {
            await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(
                Reason.PoolerNotFound, $"Cluster '{Session.Cluster}' has no pooler '{name}'; it has {string.Join(", ", all.Select(p => p.Name))}.") { Target = name }));
        }

        return found;
    }

    /// <summary>Does something to each of <paramref name="poolers"/> at the same time; writes an error for each that failed and returns the others.</summary>
    private protected static async Task<List<PoolerInfo>> EachAsync(
        IReadOnlyList<PoolerInfo> poolers, Func<PoolerInfo, Task> action, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var results = await Task.WhenAll(poolers.Select(pooler => TryAsync(pooler, action, cancellationToken)));
        foreach (var (pooler, error) in results)
        {
            if (error is not null)
            {
                await pipeline.WriteErrorAsync(ErrorTable.ToRecord(error, pooler.Name));
            }
        }

        return [.. results.Where(r => r.Error is null).Select(r => r.Pooler)];
    }

    /// <summary>Writes <paramref name="poolers"/> as they are now.</summary>
    private protected async Task WriteNowAsync(IReadOnlyList<PoolerInfo> poolers, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var names = poolers.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var pooler in (await Cluster.GetPoolersAsync(cancellationToken)).Where(p => names.Contains(p.Name)))
        {
            await pipeline.WriteAsync(pooler);
        }
    }

    private static async Task<(PoolerInfo Pooler, Exception? Error)> TryAsync(
        PoolerInfo pooler, Func<PoolerInfo, Task> action, CancellationToken cancellationToken)
    {
        try
        {
            await action(pooler);
            return (pooler, null);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return (pooler, e);
        }
    }
}
