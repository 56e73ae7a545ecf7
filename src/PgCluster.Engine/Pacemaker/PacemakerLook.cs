using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Pacemaker;

/// <summary>One look at Pacemaker.</summary>
/// <param name="Roles">Who is what; null when that is not known, or not to be believed.</param>
/// <param name="Report">What is said of it to others.</param>
/// <param name="Error">Why the roles are not known; null when they are.</param>
internal sealed record PacemakerLook(PacemakerRoles? Roles, PacemakerReport Report, PgClusterException? Error = null)
{
    /// <summary>Looks. What keeps it from an answer is in the report.</summary>
    public static async Task<PacemakerLook> TakeAsync(IPacemaker pacemaker, PacemakerConfig options, CancellationToken cancellationToken)
    {
        Cib cib;
        try
        {
            cib = await pacemaker.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            return new PacemakerLook(null, new PacemakerReport { Error = e.Message }, e);
        }

        var report = new PacemakerReport { HasQuorum = cib.HasQuorum, InMaintenance = cib.InMaintenance, Fences = cib.Fences, Moves = [.. cib.Moves.Select(m => m.Id)] };
        try
        {
            var roles = PacemakerRoles.Of(cib, options);
            return new PacemakerLook(roles, report with
            {
                Resource = roles.Resource.Name,
                Group = roles.Resource.Group!,
                Primary = roles.Primary?.Node.Name,
                Synchronous = roles.Synchronous?.Node.Name,
                Members = [.. roles.Servers.Select(s => new PacemakerMember(s.Node.Name, s.Node.IsOnline, s.Node.InStandby, s.Role, s.SyncState, s.Failures, s.Evidence) { State = s.State })],
                LockFile = pacemaker.HasLockFile(roles.Resource.TemporaryDirectory),
            });
        }
        catch (PgClusterException e)
        {
            return new PacemakerLook(null, report with { Error = e.Message }, e);
        }
    }
}
