using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>Finds daemons by name.</summary>
public abstract class DaemonCmdlet : ClusterCmdlet
{
    /// <summary>
    /// The daemons that <paramref name="names"/> match, of any state but the rehearsed; writes an error for each name without wildcard that matches none, and warns of everybody who does not tell of his machine's.
    /// </summary>
    private protected async Task<List<ClusterDaemon>> FindAsync(string[]? names, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var (all, silent) = await Cluster.GetDaemonsAsync(cancellationToken);
        foreach (var error in silent)
        {
            pipeline.Warning($"What runs there is not known: {error.Message}");
        }

        var (found, missing) = NamePattern.Select(all, names, d => d.Name);
        foreach (var name in missing)
        {
            await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(
                PgCluster.Reason.InvalidArgument, $"Cluster '{Session.Cluster}' has no daemon '{name}'; it has {string.Join(", ", all.Select(d => d.Name).Distinct())}.") { Target = name }));
        }

        return found;
    }
}
