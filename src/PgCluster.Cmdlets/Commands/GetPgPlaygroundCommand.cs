using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgPlayground</c>: the playgrounds on this machine.</summary>
[Cmdlet(VerbsCommon.Get, "PgPlayground")]
[OutputType(typeof(PlaygroundInfo))]
public sealed class GetPgPlaygroundCommand : PlaygroundCmdlet
{
    /// <summary>Names of playgrounds, wildcards allowed; all when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PlaygroundCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var playground in await FindAsync(Name, pipeline, cancellationToken))
        {
            await pipeline.WriteAsync(playground);
        }
    }
}
