using System.Management.Automation;
using PgCluster.Cmdlets;
using PgCluster.Playground;

namespace PgCluster.Commands;

/// <summary>Base of the cmdlets that make, show and remove playgrounds.</summary>
public abstract class PlaygroundCmdlet : AsyncPgCmdlet
{
    /// <summary>Names of playgrounds seen in this runspace.</summary>
    private protected RunspaceSessions Seen { get; private set; } = null!;

    /// <inheritdoc/>
    protected override void PrepareProcess() => Seen = RunspaceSessions.Current;

    /// <summary>Where playgrounds are.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NotSupportedHere"/>.</exception>
    private protected static PlaygroundManager OpenManager() => new();

    /// <summary>The playgrounds that <paramref name="names"/> match; writes an error for each name without wildcard that matches none.</summary>
    private protected async Task<List<PlaygroundInfo>> FindAsync(string[]? names, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var manager = OpenManager();
        var (found, missing) = NamePattern.Select(await manager.ListAsync(cancellationToken), names, p => p.Name);
        foreach (var playground in found)
        {
            Seen.RememberPlayground(playground.Name);
        }

        foreach (var name in missing)
        {
            try
            {
                // One whose files are damaged is in no list; asked for by name it says so.
                found.Add(await manager.GetAsync(name, cancellationToken));
            }
            catch (PgClusterException e)
            {
                await pipeline.WriteErrorAsync(ErrorTable.ToRecord(e, name));
            }
        }

        return found;
    }

    /// <summary>Shows what is being done as progress and verbose text.</summary>
    private protected sealed class Steps(CmdletPipeline pipeline, string activity) : IProgress<string>
    {
        /// <inheritdoc/>
        public void Report(string value)
        {
            pipeline.Verbose(value);
            pipeline.Progress(new ProgressRecord(7302, activity, value));
        }
    }
}
