using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Pacemaker;

/// <summary>A node whose configuration names no data directory has the one of Pacemaker's resource (<c>pgdata</c>).</summary>
public static class PacemakerDataDirectory
{
    /// <summary>The node with its data directory. Pacemaker may come up after its agent: it is waited for.</summary>
    /// <exception cref="PgClusterException">The node has none, and Pacemaker cannot be asked, or does not know which resource is meant; the reason is that of the question.</exception>
    public static async Task<NodeConfig> CompleteAsync(
        NodeConfig node, IPacemaker pacemaker, PacemakerConfig options, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(pacemaker);
        ArgumentNullException.ThrowIfNull(options);
        var said = false;
        while (node.DataDirectory.Length == 0)
        {
            try
            {
                var cib = await pacemaker.ReadAsync(cancellationToken).ConfigureAwait(false);
                node = node with { DataDirectory = PacemakerRoles.Find(cib, options).DataDirectory };
            }
            catch (PgClusterException e) when (e.Reason == Reason.PacemakerUnavailable)
            {
                if (!said)
                {
                    said = true;
                    PacemakerLog.WaitsForDataDirectory(logger, node.Name, e.Message);
                }

                await Task.Delay(options.PollInterval, time, cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e)
            {
                throw new PgClusterException(e.Reason, $"node {node.Name} has no data_directory, and Pacemaker does not say which it is: {e.Message}", e) { Target = node.Name };
            }
        }

        return node;
    }
}
