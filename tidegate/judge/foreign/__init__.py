"""
Judges that teams bring along: Kayenta's and Argo Rollouts' rules, with those projects' own verdicts.

    from tidegate.judge.foreign.kayenta.canary import kayenta
    from tidegate.judge.foreign.kayenta.stream import KayentaJudge
    from tidegate.judge.foreign.argo.runs import argo, argo_run
    from tidegate.judge.foreign.argo.stream import ArgoJudge

Both are pure: measurements come in, a verdict goes out. Neither is the default, and neither is corrected where its
source decides in a way that Tidegate's own judge would not (docs/foreign-judges.md: what to know before choosing one).
The packages stand below `foreign` so that `tidegate.judge` can offer functions named kayenta and argo: Python binds an
imported package's name in its parent, over whatever stood there.
"""
