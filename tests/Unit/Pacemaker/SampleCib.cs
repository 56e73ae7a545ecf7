using PgCluster.Engine.Pacemaker;

namespace PgCluster.Tests.Unit.Pacemaker;

/// <summary>A small cluster information base: the status of each of pg01, pg02 and so on, all online.</summary>
internal static class SampleCib
{
    public static Cib Of(params string[] statuses) => Parse(statuses, quorum: true, maintenance: false);

    public static Cib Parse(string[] statuses, bool quorum, bool maintenance) => Cib.Parse($"""
        <cib have-quorum="{(quorum ? 1 : 0)}">
          <configuration>
            <crm_config><cluster_property_set id="o"><nvpair id="m" name="maintenance-mode" value="{(maintenance ? "true" : "false")}"/></cluster_property_set></crm_config>
            <nodes>{string.Concat(statuses.Select((_, i) => $"<node id=\"{i + 1}\" uname=\"pg0{i + 1}\"/>"))}</nodes>
            <resources>
              <clone id="pgsql-clone">
                <meta_attributes id="c"><nvpair id="p" name="promotable" value="true"/></meta_attributes>
                <primitive id="pgsql" class="ocf" provider="heartbeat" type="pgsql"><instance_attributes id="i"><nvpair id="t" name="tmpdir" value="/var/lib/pgsql/tmp"/></instance_attributes></primitive>
              </clone>
            </resources>
            <constraints/>
          </configuration>
          <status>{string.Concat(statuses.Select((status, i) =>
            $"<node_state id=\"{i + 1}\" uname=\"pg0{i + 1}\" in_ccm=\"true\" crmd=\"online\"><transient_attributes id=\"{i + 1}\"><instance_attributes id=\"s{i}\"><nvpair id=\"a{i}\" name=\"pgsql-status\" value=\"{status}\"/></instance_attributes></transient_attributes></node_state>"))}</status>
        </cib>
        """);
}
