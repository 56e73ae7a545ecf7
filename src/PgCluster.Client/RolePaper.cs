using PgCluster.Engine.Roles;

namespace PgCluster.Client;

/// <summary>Role plans on paper: members from wherever they come, and nobody is asked.</summary>
public static class RolePaper
{
    /// <summary>Reads members from a JSON file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: it cannot be read, or holds no members.</exception>
    public static async Task<IReadOnlyList<RoleMember>> ReadFileAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return RoleMemberReader.Read(await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PgClusterException(Reason.InvalidArgument, $"{path} cannot be read: {e.Message}", e) { Target = path };
        }
        catch (PgClusterException e)
        {
            throw new PgClusterException(e.Reason, $"{path}: {e.Message}", e) { Target = path };
        }
    }

    /// <summary>Reads members from JSON.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: it holds no members.</exception>
    public static IReadOnlyList<RoleMember> Read(string json) => RoleMemberReader.Read(json);

    /// <summary>Reads one member from its fields.</summary>
    /// <param name="fields">Names and values.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a field is not known or has no value that it can have.</exception>
    public static RoleMember Read(IEnumerable<KeyValuePair<string, object?>> fields) => RoleMemberReader.Read(fields);

    /// <summary>A node of a cluster as one look at it shows it.</summary>
    /// <param name="node">The node.</param>
    public static RoleMember Read(ClusterNode node) => RoleMemberReader.Of(node);

    /// <summary>The plan.</summary>
    /// <param name="members">All members.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="handover">The member that is to leave; null to balance the cluster.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.InvalidArgument"/>, <see cref="Reason.NoPrimary"/>, <see cref="Reason.SplitBrain"/>, <see cref="Reason.NodeNotFound"/>: these members make no cluster that could be planned for.
    /// </exception>
    public static RolePlan Plan(IReadOnlyList<RoleMember> members, RoleRequest request, string? handover) =>
        handover is null ? RolePlanner.Balance(members, request) : RolePlanner.Handover(members, request, handover);
}
