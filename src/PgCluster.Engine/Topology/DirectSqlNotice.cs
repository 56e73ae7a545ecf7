namespace PgCluster.Engine.Topology;

/// <summary>Says, once for each cause, that servers cannot be asked from here: then a split brain would go unseen.</summary>
/// <param name="nodes">How many servers there are.</param>
public sealed class DirectSqlNotice(int nodes)
{
    /// <summary>Looks in a row at a server before it counts that it refuses, or does not answer.</summary>
    public const int Patience = 3;

    private readonly Dictionary<string, (ServerAnswer Answer, int Looks)> _inRow = new(StringComparer.Ordinal);
    private readonly HashSet<string> _answered = new(StringComparer.Ordinal);
    private bool _saidSilent;
    private bool _saidRefused;

    /// <summary>Takes in a look; what to tell people, null when nothing.</summary>
    public string? Take(ServerLook look)
    {
        ArgumentNullException.ThrowIfNull(look);
        if (look.Answer is ServerAnswer.Standby or ServerAnswer.Writes)
        {
            _answered.Add(look.Node);
        }

        var before = _inRow.GetValueOrDefault(look.Node);
        var looks = before.Answer == look.Answer ? before.Looks + 1 : 1;
        _inRow[look.Node] = (look.Answer, looks);

        // A server that answered before knows this caller: it is only stopping or starting now.
        if (look.Answer == ServerAnswer.Refused && looks >= Patience && !_answered.Contains(look.Node) && !_saidRefused)
        {
            _saidRefused = true;
            return $"the server of {look.Node} does not let this caller in, so it cannot be seen from here whether it accepts writes beside the primary; the published primary is watched as ever: {look.Detail}";
        }

        if (_answered.Count > 0 || _saidSilent || _inRow.Count < nodes || _inRow.Values.Any(n => n.Answer != ServerAnswer.Silent || n.Looks < Patience))
        {
            return null;
        }

        _saidSilent = true;
        return $"no server answers SQL from here, so two nodes that accept writes would go unseen; the published primary is watched as ever: {look.Node}: {look.Detail}";
    }
}
