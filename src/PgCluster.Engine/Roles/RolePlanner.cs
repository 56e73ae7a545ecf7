using System.Globalization;

namespace PgCluster.Engine.Roles;

/// <summary>Follows <see cref="RoleDecider"/> on paper until nothing is left to do, and says of each member why it ends where it does.</summary>
public static class RolePlanner
{
    /// <summary>Who would do in a candidate's place: as many as are named.</summary>
    private const int Alternatives = 3;

    /// <summary>The changes to the roles asked for.</summary>
    /// <param name="members">All members.</param>
    /// <param name="request">What is asked for.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.InvalidArgument"/>: a number is out of range, or a name is missing or there twice. <see cref="Reason.NoPrimary"/>: no member is the primary, or it is offline.
    /// <see cref="Reason.SplitBrain"/>: more than one is.
    /// </exception>
    public static RolePlan Balance(IReadOnlyList<RoleMember> members, RoleRequest request)
    {
        var draft = new Draft(members, request);
        draft.Balance();
        return draft.ToPlan(null);
    }

    /// <summary>The changes after which a member has no role and can be stopped.</summary>
    /// <param name="members">All members.</param>
    /// <param name="request">What is asked for; its numbers do not matter here.</param>
    /// <param name="node">The member that hands over.</param>
    /// <exception cref="PgClusterException">As <see cref="Balance"/>, and <see cref="Reason.NodeNotFound"/>: there is no such member.</exception>
    public static RolePlan Handover(IReadOnlyList<RoleMember> members, RoleRequest request, string node)
    {
        var draft = new Draft(members, request);
        draft.Handover(node);
        return draft.ToPlan(node);
    }

    private sealed class Draft
    {
        private readonly IReadOnlyList<RoleMember> _before;
        private readonly RoleMember[] _after;
        private readonly Dictionary<string, int> _places;
        private readonly RoleRequest _request;
        private readonly List<RoleChange> _changes = [];
        private readonly List<string> _warnings = [];
        private readonly Dictionary<MemberRole, (NodePreference Preference, NodeMerits Taken)> _last = [];
        private bool _isComplete = true;

        public Draft(IReadOnlyList<RoleMember> members, RoleRequest request)
        {
            ArgumentNullException.ThrowIfNull(members);
            ArgumentNullException.ThrowIfNull(request);
            _request = request;
            Check(request.Voters >= 1, "at least one voter is needed, the primary");
            Check(request.StandBys >= 0, "there cannot be fewer than no stand-bys");
            Check(request.MaxSteps >= 1, "a plan may have one change at least");
            _places = new Dictionary<string, int>(members.Count, StringComparer.Ordinal);
            for (var i = 0; i < members.Count; i++)
            {
                Check(members[i].Name.Length > 0, "every member has a name");
                Check(_places.TryAdd(members[i].Name, i), $"{members[i].Name} is there twice");
            }

            // What is said of the primary besides does not matter: it is the one that commits are written on.
            _before = [.. members.Select(m => m.IsPrimary ? m with { Role = MemberRole.Voter } : m)];
            _after = [.. _before];
            switch (_after.Where(m => m.IsPrimary).ToArray())
            {
                case []:
                    throw new PgClusterException(Reason.NoPrimary, "no member is the primary, and without one there is nobody whose standbys could be chosen");
                case [{ IsOnline: false } gone]:
                    throw new PgClusterException(Reason.NoPrimary, $"the primary {gone.Name} is offline: who leads is decided by an election, and roles after that") { Target = gone.Name };
                case { Length: > 1 } several:
                    throw new PgClusterException(Reason.SplitBrain, $"{string.Join(" and ", several.Select(m => m.Name))} are both the primary");
            }
        }

        public void Balance()
        {
            for (var decision = Next(); !decision.IsNone; decision = Next())
            {
                if (_changes.Count == _request.MaxSteps)
                {
                    _isComplete = false;
                    _warnings.Add(string.Create(CultureInfo.InvariantCulture, $"more than {_request.MaxSteps} changes are needed; the rest is for the next plan"));
                    break;
                }

                Assign(decision);
            }

            Join();
            if (_isComplete)
            {
                WarnOfVoters();
            }

            RoleDecision Next() => RoleDecider.Adjust(_after, _request, 1 + Alternatives);
        }

        public void Handover(string node)
        {
            if (!_places.TryGetValue(node, out var place))
            {
                throw new PgClusterException(Reason.NodeNotFound, $"there is no member '{node}' among {string.Join(", ", _before.Select(m => m.Name))}") { Target = node };
            }

            var own = _after[place];
            var given = RoleDecider.Handover(_after, node);
            if (!given.IsNone)
            {
                Assign(given with { Candidates = [.. given.Candidates.Take(1 + Alternatives)] });
            }

            if (own.IsPrimary && !MovePrimary(own))
            {
                _warnings.Add($"{node} stays the primary: no other voter is online that could lead");
                return;
            }

            if (own.Role == MemberRole.Spare)
            {
                return;
            }

            if (given.IsNone && own.Role == MemberRole.Voter && _request.Mode == RoleMode.Strict)
            {
                _warnings.Add($"{node} stays a voter: nobody can take its place, and commits could wait for it when it is stopped");
                return;
            }

            var degrades = given.IsNone && own.Role == MemberRole.Voter;
            Change(_places[node], MemberRole.Spare, given.IsNone ? $"{node} leaves, and nobody can take its place" : $"{node} leaves, and {given.Candidates[0]} has its place", degrades, []);
        }

        public RolePlan ToPlan(string? handsOver)
        {
            _warnings.InsertRange(0, _changes.Where(c => c.Degrades).Select(c => c.Why));
            var reasons = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var change in _changes)
            {
                reasons[change.Node] = change.Why;
            }

            var census = new RoleCensus(_after);
            return new RolePlan
            {
                Primary = _before.First(m => m.IsPrimary).Name,
                HandsOver = handsOver,
                Request = _request,
                Changes = [.. _changes.Select((c, i) => c with { Step = i + 1 })],
                Members = [.. _after.Select((m, i) => new RoleVerdict
                {
                    Node = m.Name,
                    IsPrimary = m.IsPrimary,
                    Before = _before[i].Role,
                    After = m.Role,
                    IsOnline = m.IsOnline,
                    FailureDomain = m.FailureDomain,
                    Weight = m.Weight,
                    Why = reasons.TryGetValue(m.Name, out var why) ? why : Explain(m, census),
                })],
                IsComplete = _isComplete,
                Warnings = _warnings,
            };
        }

        private static void Check(bool holds, string what)
        {
            if (!holds)
            {
                throw new PgClusterException(Reason.InvalidArgument, what);
            }
        }

        private void Assign(RoleDecision decision)
        {
            var place = _places[decision.Candidates[0]];
            if (decision.Preference is { } preference)
            {
                _last[decision.Role] = (preference, RoleDecider.Merits(_after[place]));
            }

            Change(place, decision.Role, decision.Why, decision.Degrades, [.. decision.Candidates.Skip(1)]);
        }

        private void Change(int place, MemberRole to, string why, bool degrades, IReadOnlyList<string> otherwise)
        {
            var member = _after[place];
            _changes.Add(new RoleChange { Node = member.Name, From = member.Role, To = to, Why = why, Degrades = degrades, Otherwise = otherwise });
            _after[place] = member with { Role = to };
        }

        private bool MovePrimary(RoleMember leaver)
        {
            string[] voters = [.. _after.Where(m => m.Name != leaver.Name && RoleCensus.CountsAsVoter(m))
                .OrderBy(RoleDecider.Merits, NodePreference.InPlaceOf(leaver.FailureDomain)).Take(1 + Alternatives).Select(m => m.Name)];
            if (voters.Length == 0)
            {
                return false;
            }

            _changes.Add(new RoleChange
            {
                Kind = RoleChangeKind.MovePrimary,
                Node = voters[0],
                From = MemberRole.Voter,
                To = MemberRole.Voter,
                Why = $"{leaver.Name} leaves, and {voters[0]} leads in its place",
                Otherwise = voters[1..],
            });
            _after[_places[leaver.Name]] = leaver with { IsPrimary = false };
            _after[_places[voters[0]]] = _after[_places[voters[0]]] with { IsPrimary = true };
            return true;
        }

        /// <summary>A voter that ends as a stand-by goes there at once: between the two it would stop streaming only to begin again.</summary>
        private void Join()
        {
            for (var i = 0; i < _changes.Count; i++)
            {
                var first = _changes[i];
                var second = first is { From: MemberRole.Voter, To: MemberRole.Spare } ? _changes.FindIndex(i + 1, c => c.Node == first.Node) : -1;
                if (second >= 0 && _changes[second].To == MemberRole.StandBy)
                {
                    _changes[i] = first with { To = MemberRole.StandBy, Why = $"{first.Why}; {_changes[second].Why}" };
                    _changes.RemoveAt(second);
                }
            }
        }

        private void WarnOfVoters()
        {
            var voters = new RoleCensus(_after).Voters;
            if (RoleDecider.IsTooSmall(_after, _request))
            {
                _warnings.Add(RoleDecider.TooSmall(_after.Length, _request));
            }
            else if (voters < _request.Voters)
            {
                _warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{voters} of the {_request.Voters} voters asked for: nobody else can be one"));
            }

            _warnings.AddRange(_after.Where(m => m is { Role: MemberRole.Voter, IsOnline: false }).Select(m => $"{m.Name} is offline and stays a voter: nobody can take its place"));
        }

        private string Explain(RoleMember member, RoleCensus census)
        {
            if (member.IsPrimary)
            {
                return "is the primary";
            }

            if (member.Role == MemberRole.Voter)
            {
                return member.IsOnline ? "is a voter already" : "is offline, and stays a voter because nobody can take its place";
            }

            if (!member.IsOnline)
            {
                return member.Role == MemberRole.StandBy ? "is offline, and stays a stand-by because nobody can take its place" : "is offline";
            }

            if (member.Suspended is { } suspended)
            {
                return $"is {suspended}";
            }

            var voter = member.NoFailover ? "is marked no_failover"
                : RoleDecider.IsTooSmall(_after, _request) ? RoleDecider.TooSmall(_after.Length, _request)
                : After(MemberRole.Voter, member) ?? Enough(census.Voters, "voters");
            return member.Role == MemberRole.StandBy
                ? $"is a stand-by already; no voter: {voter}"
                : $"no voter: {voter}; no stand-by: {(RoleDecider.IsTooSmall(_after, _request) ? "its primary is alone" : After(MemberRole.StandBy, member) ?? Enough(census.StandBys, "stand-bys"))}";
        }

        /// <summary>What put the last one that was given this role before a member that could have had it; null when it was given to nobody.</summary>
        private string? After(MemberRole role, RoleMember member) =>
            _last.TryGetValue(role, out var last) ? last.Preference.Why(last.Taken, RoleDecider.Merits(member)) : null;

        private static string Enough(int there, string what) => string.Create(CultureInfo.InvariantCulture, $"the {there} {what} that there are stay");
    }
}
