using System.Collections;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgRolePlan</c>: which members should vote, stream and be spare, worked out on paper.</summary>
[Cmdlet(VerbsCommon.Get, "PgRolePlan", DefaultParameterSetName = MemberSet)]
[OutputType(typeof(RolePlan))]
public sealed class GetPgRolePlanCommand : AsyncPgCmdlet
{
    private const string MemberSet = "Member";
    private const string PathSet = "Path";

    private readonly List<RoleMember> _members = [];
    private string? _path;

    /// <summary>A member: a node of Get-PgClusterNode, or an object or a hashtable with the fields of a RoleMember.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = MemberSet)]
    [ValidateNotNull]
    public PSObject InputObject { get; set; } = null!;

    /// <summary>JSON file with the members.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = null!;

    /// <summary>How many voters there are to be, the primary among them.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Voters { get; set; } = new RoleRequest().Voters;

    /// <summary>How many stand-bys there are to be.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int StandBys { get; set; } = new RoleRequest().StandBys;

    /// <summary>What becomes of a voter that is offline when nobody can take its place.</summary>
    [Parameter]
    public RoleMode Mode { get; set; }

    /// <summary>The member that is to hand over what it does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Handover { get; set; }

    /// <summary>Most changes of the plan.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int MaxSteps { get; set; } = new RoleRequest().MaxSteps;

    /// <inheritdoc/>
    protected override void PrepareBegin() => _path = ParameterSetName == PathSet ? GetUnresolvedProviderPathFromPSPath(Path) : null;

    /// <inheritdoc/>
    protected override void PrepareProcess()
    {
        // On the pipeline thread: properties of an object may be scripts.
        if (_path is null)
        {
            Add(InputObject);
        }
    }

    /// <inheritdoc/>
    protected override async Task EndAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var members = _path is null ? _members : await RolePaper.ReadFileAsync(_path, cancellationToken);
        pipeline.Verbose($"Planning the roles of {members.Count} members on paper.");
        await pipeline.WriteAsync(RolePaper.Plan(
            members, new RoleRequest { Voters = Voters, StandBys = StandBys, Mode = Mode, MaxSteps = MaxSteps }, Handover));
    }

    private void Add(PSObject given)
    {
        switch (given.BaseObject)
        {
            case RoleMember member:
                _members.Add(member);
                break;
            case ClusterNode node:
                _members.Add(RolePaper.Read(node));
                break;
            case IDictionary table:
                _members.Add(RolePaper.Read(table.Cast<DictionaryEntry>().Select(e => Field(e.Key.ToString()!, e.Value))));
                break;
            case object[] several:
                foreach (var one in several)
                {
                    Add(PSObject.AsPSObject(one));
                }

                break;
            case string text:
                throw new PgClusterException(
                    Reason.InvalidArgument, $"'{(text.Length > 40 ? text[..40] + "..." : text)}' is text and no member: turn JSON into objects with ConvertFrom-Json, or give a file to -Path");
            default:
                _members.Add(RolePaper.Read(given.Properties.Select(p => Field(p.Name, p.Value))));
                break;
        }
    }

    private static KeyValuePair<string, object?> Field(string name, object? value) => KeyValuePair.Create(name, value is PSObject wrapped ? wrapped.BaseObject : value);
}
