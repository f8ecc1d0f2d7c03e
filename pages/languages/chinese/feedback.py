"""Simplified Chinese: the Feedback page."""

from typing import Any

WORDS: dict[str, dict[str, Any]] = {
    "feedback": {
        "about": "找出当前版本所学、或许应当更改的标签：用于学习的金标签和银标签，绝不涉及验证集和测试集。应用之前什么都不会改变。",
        "retrain_first": "{version} 训练之后有文本加入或被去掉。请先重新训练，然后才能寻找和试用建议。",
        "takes_turn": "上方有其他工作正在进行：在此提出的请求会排队，待其完成后开始。",
        "must_wait": "上方正在训练或分析：在其结束之前不能提出或应用建议。您的勾选会保留。",
        "no_model": "还没有模型",
        "no_model_advice": "请先训练一个：反馈针对的是模型学过的标签。",
        "method": "方法",
        "discard": "不再用于训练",
        "relabel-harmful": "改有害者的标签",
        "confident-learning": "置信学习",
        "influence-vote": "影响投票",
        "about_discard": (
            "去掉那些去掉后验证损失应当最低的文本。在金标签上实测它最好：测试集宏平均 F1 在反讽上升 0.030，"
            "在仇恨言论上升 0.005。这里由一半验证文本来选，另一半来确认。"
        ),
        "about_relabel-harmful": (
            "给损害验证的文本换上最可能的另一个标签。在金标签上实测，测试集宏平均 F1 在反讽上升 0.015，"
            "在仇恨言论下降 0.014。这里由一半验证文本来选，另一半来确认。"
        ),
        "about_confident-learning": (
            "更改那些未学过它们的模型所怀疑的标签。实测中测试集宏平均 F1 在反讽上升 0.004，在仇恨言论上升 0.010；"
            "检查在十八轮中确认了一轮。"
        ),
        "about_influence-vote": (
            "由每个文本最强的影响样本对其标签投票。在真实数据上实测，它使宏平均 F1 下降：反讽 0.036，仇恨言论 0.066，"
            "检查拒绝了每一轮。请用它来查看文本，而不是全部接受。"
        ),
        "new": "新建议",
        "cap": "最多更改，占每个标签的 %",
        "cap_help": "每一轮中，占每个标签文本数的比例。",
        "influencers": "影响样本数（K）",
        "influencers_help": "每个文本最强的若干个：由它们投票；用其他方法时只作展示。",
        "vote": "投票方式",
        "vote_help": "仅用于影响投票。",
        "signed": "按正负与大小",
        "own-label": "投自己的标签，按大小",
        "count": "投自己的标签，一文本一票",
        "margin": "最小领先",
        "margin_help": "仅用于影响投票：胜出标签领先现有标签的票数占总票数的比例。",
        "propose": "寻找建议",
        "proposals": "建议",
        "none_yet": "还没有。",
        "nothing": "没有建议",
        "nothing_advice": "按此方法和设置，所有标签都可以保持原样。",
        "set": "建议组",
        "summary_one": "{method}：针对 {version} 的 {count:,} 条建议。",
        "summary_many": "{method}：针对 {version} 的 {count:,} 条建议。",
        "open_ones_one": "可应用 {count:,} 条。",
        "open_ones_many": "可应用 {count:,} 条。",
        "stale": "已过时",
        "stale_said": (
            "这些建议针对 {made}；现在使用的是 {now}，且有 {changed:,} 个标签已变化。此后有人决定过的文本不会被改动。请重新寻找建议。"
        ),
        "tick_all": "全选",
        "tick_all_help": "不含已有人决定的文本：这些请逐条勾选。",
        "tick_none": "全不选",
        "number": "第 {rank} 条",
        "leave_out": "不再用于训练",
        "change": "{label} → {change}",
        "lead": "领先 {lead:.3g}",
        "open": "待定",
        "applied": "已应用",
        "overtaken": "此后已有决定",
        "sent": "已送审",
        "decided": "{annotator} 已于 {day} 决定",
        "why": "原因",
        "why_discard": "领先值是去掉该文本后验证损失的预期降幅，单位 nats。",
        "why_relabel-harmful": "领先值是去掉该文本后验证损失的预期降幅，单位 nats。",
        "why_confident-learning": "领先值是未学过该文本的模型给建议标签的概率减去给现有标签的概率。",
        "why_influence-vote": "领先值是建议标签超出现有标签的票数占总票数的比例。",
        "shown_influencers": "下面是它最强的影响样本及其对该文本损失的影响（正值有助于该标签）：",
        "shown_voters": "下面是投票者及其对该文本损失的影响（正值有助于该标签）：",
        "shown_further": "只为最确定的建议保存影响样本。可在“探索”页查找该文本的影响样本。",
        "voted": "投票",
        "voted_for": "支持 {label}",
        "voted_against": "反对 {label}",
        "label_then": "其标签",
        "rounds": "最多轮数",
        "rounds_help": "一轮得到确认后会再寻找并试用新建议，只要验证集仍予确认。",
        "apply_one": "检查并应用 {count:,} 条",
        "apply_many": "检查并应用 {count:,} 条",
        "apply_help": (
            "分别用和不用所选更改拟合模型。仅当验证集宏平均 F1 增益的 95% 区间在零以上时才应用并训练新版本。每条更改都算作你的决定。"
        ),
        "unchecked": "不检查直接应用",
        "unchecked_said": "无论验证集如何都应用所选更改，且不训练。\n每条更改都算作你的决定；可以一次全部撤销。",
        "unchecked_now_one": "应用 {count:,} 处更改",
        "unchecked_now_many": "应用 {count:,} 处更改",
        "send": "送审",
        "send_help": "把所选文本交给标注者，在审核页有单独的顺序。",
        "sent_said_one": "已送审 {count:,} 个文本。",
        "sent_said_many": "已送审 {count:,} 个文本。",
        "to_review": "审核送来的文本",
        "to_retrain": "前往模型页重新训练",
        "name": "你的名字，随所应用的更改保存",
        "name_missing": "请先填写名字：所应用的更改算作你的决定。",
        "acts": "反馈作出的更改",
        "acts_said": "撤销只收回一次操作的更改：人们此后的决定保持不变。",
        "act": "改标签 {relabelled:,} 个，不再用于训练 {left_out:,} 个（第 {set} 组）",
        "undone": "已撤销",
        "undo": "撤销",
        "undo_foreign": "只有 {annotator} 可以撤销。",
        "undone_said": "标签已恢复，如同从未应用过。若当前版本由其训练而来，则改回使用之前的版本。",
    },
}
