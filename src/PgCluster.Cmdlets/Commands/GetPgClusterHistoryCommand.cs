using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgClusterHistory</c>: past operations, newest first.</summary>
[Cmdlet(VerbsCommon.Get, "PgClusterHistory", DefaultParameterSetName = RangeSet)]
[OutputType(typeof(OperationReport))]
public sealed class GetPgClusterHistoryCommand : ClusterCmdlet
{
    private const string RangeSet = "Range";
    private const string IdSet = "Id";

    /// <summary>Ids of operations, wildcards allowed.</summary>
    [Parameter(Mandatory = true, ParameterSetName = IdSet, Position = 0)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Id { get; set; } = [];

    /// <summary>Only so many from the beginning: the newest.</summary>
    [Parameter(ParameterSetName = RangeSet)]
    [ValidateRange(0, int.MaxValue)]
    public int? First { get; set; }

    /// <summary>Only so many from the end: the oldest.</summary>
    [Parameter(ParameterSetName = RangeSet)]
    [ValidateRange(0, int.MaxValue)]
    public int? Last { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var history = await Cluster.GetHistoryAsync(cancellationToken);
        var (found, missing) = NamePattern.Select(history, Id, r => r.Id);
        for (var i = 0; i < found.Count; i++)
        {
            if ((First is null && Last is null) || i < First || i >= found.Count - Last)
            {
                await pipeline.WriteAsync(found[i]);
            }
        }

        foreach (var id in missing)
        {
            await pipeline.WriteErrorAsync(
                ErrorTable.Own(ErrorTable.OperationNotFound, $"The history of cluster '{Session.Cluster}' has no operation '{id}'.", id).Record);
        }
    }
}
