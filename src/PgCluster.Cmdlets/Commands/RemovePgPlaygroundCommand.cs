using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Remove-PgPlayground</c>: ends every process of a playground and deletes its files.</summary>
[Cmdlet(VerbsCommon.Remove, "PgPlayground", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemovePgPlaygroundCommand : PlaygroundCmdlet
{
    /// <summary>Names of playgrounds, wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PlaygroundCompleter))]
    public string[] Name { get; set; } = [];

    /// <inheritdoc/>
    protected override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var playground in await FindAsync(Name, pipeline, cancellationToken))
        {
            var change = $"Remove playground '{playground.Name}': end its {playground.Processes.Count(p => p.Pid != 0)} processes and delete {playground.Path}";
            if (!(await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Remove-PgPlayground")).Yes)
            {
                continue;
            }

            try
            {
                await OpenManager().RemoveAsync(playground.Name, new Steps(pipeline, $"Removing playground '{playground.Name}'"), cancellationToken);
                Seen.ForgetPlayground(playground.Name);
            }
            catch (PgClusterException e)
            {
                await pipeline.WriteErrorAsync(ErrorTable.ToRecord(e, playground.Name));
            }
        }
    }
}
